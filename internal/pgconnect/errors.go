package pgconnect

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// Broken reports whether err is an error of the network rather than of the server.
func Broken(err error) bool {
	var e net.Error
	return errors.As(err, &e) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, pgconn.ErrConnClosed) || pgconn.Timeout(err)
}

// Refused analyzes a failed connection attempt. It returns a problem if TLS is the reason, otherwise nil, and the error without
// the driver's own wrapper, which repeats user and database for each address.
func Refused(err error) (*capture.Problem, error) {
	var outer *pgconn.ConnectError
	if errors.As(err, &outer) {
		err = outer.Unwrap()
	}
	var unknown x509.UnknownAuthorityError
	var verify *tls.CertificateVerificationError
	var host x509.HostnameError
	if errors.As(err, &unknown) || errors.As(err, &verify) || errors.As(err, &host) {
		return &capture.Problem{
			State: "tls_unverified", Halted: true, Usage: true,
			Reason: "the server's certificate cannot be verified", Err: err,
			Fix: "name the authority: ?sslmode=verify-full&sslrootcert=/path/ca.crt; sslmode=require encrypts without verifying",
		}, err
	}
	if refusesTLS(err) {
		return &capture.Problem{
			State: "tls_refused", Halted: true, Usage: true,
			Reason: "the server does not speak TLS, and TLS is the default for a server on another host", Err: err,
			Fix: "turn ssl on in the server; or accept plain text: add ?sslmode=disable to url",
		}, err
	}
	return nil, err
}

// refusesTLS reports whether the connections to all servers failed because of missing TLS support. If one server is unreachable,
// or is a standby when a primary is requested, that is the reason instead: the driver has tried TLS as well.
func refusesTLS(err error) bool {
	if all, several := err.(interface{ Unwrap() []error }); several {
		return !slices.ContainsFunc(all.Unwrap(), func(err error) bool { return !refusesTLS(err) })
	}
	return SQLState(err) == "" && strings.Contains(err.Error(), "server refused TLS connection")
}
