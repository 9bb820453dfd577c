package kafkaconnect

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
)

// ErrTimeout is the cause of a context that we ended because no answer came in time.
var ErrTimeout = errors.New("no answer from Kafka in time")

// Unreachable returns the state of brokers that do not answer. All of addrs were tried; err is the first error.
func Unreachable(err error, addrs ...string) *capture.Problem {
	return &capture.Problem{
		State:  "kafka_unreachable",
		Reason: "Kafka does not answer at " + strings.Join(addrs, ", "),
		Fix: "check that the brokers run and listen there, and that their advertised.listeners can be reached from here:\n" +
			"name resolution, network, firewall; a listener with TLS needs a tls block, one without TLS must have none",
		Err: err,
	}
}

// dialProblem returns the state for an error of connecting to addr.
func dialProblem(addr string, err error) *capture.Problem {
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	switch {
	case isLoginError(err):
		return loginRefused(fmt.Errorf("connect to Kafka at %s: %w", addr, err))
	case errors.As(err, &verify) || errors.As(err, &unknown):
		return &capture.Problem{
			State: "tls_unverified", Usage: true, Reason: "the certificate of the broker at " + addr + " cannot be verified",
			Fix: "set ca in the tls block to its certificate authority, or server_name to the name in the certificate", Err: err,
		}
	}
	return Unreachable(err, addr)
}

// dialProblems returns the state when every broker has failed. A broker that refused a login or has a bad certificate
// explains more than brokers that are down, so its problem is preferred.
func dialProblems(addrs []string, problems []*capture.Problem) *capture.Problem {
	for _, p := range problems {
		if p.State != "kafka_unreachable" {
			return p
		}
	}
	return Unreachable(problems[0].Err, addrs...)
}

// CutOff returns the state for the loss of a connection to addr; it returns any other error, such as a code from Kafka, as
// it is.
func CutOff(addr string, err error) error {
	var network net.Error
	ended := errors.As(err, &network) || slices.ContainsFunc([]error{
		ErrTimeout, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, sarama.ErrNotConnected,
	}, func(e error) bool { return errors.Is(err, e) })
	if !ended || capture.AsProblem(err) != nil {
		return err
	}
	return Unreachable(err, addr)
}
