package pgconnect

import (
	"errors"
	"io/fs"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

const connectTimeout = 10 * time.Second

// Server is a server to connect to.
type Server struct {
	Side        string                 // "source" or "sink": for messages
	URL         string                 // a secret: it may contain a password
	Password    func() (string, error) // called by Parse; nil: the password comes from the URL, PGPASSWORD or the passfile
	Application string                 // application_name; Postgres truncates it to 63 bytes
}

// Parse parses the URL and adds the session settings. The error is a *capture.Problem and contains no secret.
func Parse(s Server) (*pgconn.Config, error) {
	if err := CheckURL(s.URL); err != nil {
		return nil, s.unreadable(err)
	}
	pc, err := pgconn.ParseConfig(s.URL)
	if err == nil && !saysTLS(s.URL) {
		pc, err = pgconn.ParseConfig(withTLS(s.URL, pc))
	}
	if err != nil {
		return nil, s.unreadable(readable(err))
	}
	if s.Password != nil {
		if pc.Password, err = s.Password(); err != nil {
			return nil, &capture.Problem{
				State: "password_unreadable", Halted: true, Usage: true,
				Reason: "the password cannot be read", Fix: "check the file or variable that password names", Err: err,
			}
		}
	}
	if pc.ConnectTimeout == 0 {
		pc.ConnectTimeout = connectTimeout
	}
	pc.DialFunc = Dialer().DialContext
	for k, v := range session {
		pc.RuntimeParams[k] = v
	}
	if pc.RuntimeParams["application_name"] == "" {
		pc.RuntimeParams["application_name"] = s.Application
	}
	return pc, nil
}

// Dialer returns a new dialer like that of Parse: it detects within half a minute that a peer is gone.
func Dialer() *net.Dialer {
	return &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3,
	}}
}

// unreadable returns the problem of an invalid URL. It does not contain the URL.
func (s Server) unreadable(err error) *capture.Problem {
	return &capture.Problem{
		State: "url_invalid", Halted: true, Usage: true, Reason: "the url of the " + s.Side + " cannot be used",
		Fix: "write it as postgres://user@host:5432/database, special characters percent-encoded", Err: err,
	}
}

// readable returns the part of a parse error of the driver that cannot contain secrets of the URL: a file that cannot be read.
func readable(err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		return file
	}
	return errors.New("it is not a Postgres connection URL")
}
