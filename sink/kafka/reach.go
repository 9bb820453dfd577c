package kafka

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

// errSlow is the cause of a ctx that we ended: nobody answered in time.
var errSlow = errors.New("no answer from Kafka in time")

// unreachable is the state of brokers that do not answer. All of addrs were tried; err is what was seen.
func unreachable(err error, addrs ...string) *capture.Problem {
	return &capture.Problem{
		State:  "kafka_unreachable",
		Reason: "Kafka does not answer at " + strings.Join(addrs, ", "),
		Fix: "look whether the brokers run and listen there, and whether their advertised.listeners can be reached from here:\n" +
			"name resolution, network, firewall; a listener with TLS needs a tls block in the sink, one without it none",
		Err: err,
	}
}

// dialed names the error of a connection to addr that did not come about.
func dialed(addr string, err error) *capture.Problem {
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	switch {
	case login(err):
		return loginRefused(fmt.Errorf("connect to Kafka at %s: %w", addr, err))
	case errors.As(err, &verify) || errors.As(err, &unknown):
		return &capture.Problem{
			State: "tls_unverified", Usage: true, Reason: "the certificate of the broker at " + addr + " cannot be verified",
			Fix: "name its authority in the sink's tls block: ca; or the name that it has: server_name", Err: err,
		}
	}
	return unreachable(err, addr)
}

// undialed is the problem of brokers that were all tried in vain: one that lets us in as far as a login or a certificate
// says more than those that are down.
func undialed(addrs []string, problems []*capture.Problem) *capture.Problem {
	for _, p := range problems {
		if p.State != "kafka_unreachable" {
			return p
		}
	}
	return unreachable(problems[0].Err, addrs...)
}

// cutOff names the end of a connection to addr; any other error, such as an answer of Kafka's, stays as it is.
func cutOff(addr string, err error) error {
	var network net.Error
	ended := errors.As(err, &network) || slices.ContainsFunc([]error{
		errSlow, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, sarama.ErrNotConnected,
	}, func(e error) bool { return errors.Is(err, e) })
	if !ended || capture.AsProblem(err) != nil {
		return err
	}
	return unreachable(err, addr)
}
