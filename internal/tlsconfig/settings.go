// Package tlsconfig is the tls block of a pipeline file.
package tlsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/tailrace/tailrace/config"
)

// Settings is a tls block. Certificates are the path of a file or the PEM text itself.
type Settings struct {
	// CA certificates: a file's path, or the PEM text.
	//
	// Default: the system's
	CA string `hcl:"ca,optional"`
	// The client's certificate, in the same way.
	Cert string `hcl:"cert,optional"`
	// The client's key, in the same way.
	Key config.Secret `hcl:"key,optional"`
	// Name that the certificate has to have.
	//
	// Default: the server's host
	ServerName string `hcl:"server_name,optional"`
	// Accepts any certificate.
	Insecure bool `hcl:"insecure_skip_verify,optional"`
}

// Config returns the configuration of the block, nil without a block.
func (s *Settings) Config() (*tls.Config, error) {
	if s == nil {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.ServerName, InsecureSkipVerify: s.Insecure}
	if s.CA != "" {
		pem, err := readPEM(s.CA)
		if err != nil {
			return nil, fmt.Errorf("read tls.ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read tls.ca: it contains no certificate")
		}
	}
	if s.Cert == "" && s.Key == "" {
		return c, nil
	}
	cert, err := readPEM(s.Cert)
	if err != nil {
		return nil, fmt.Errorf("read tls.cert: %w", err)
	}
	key, err := readPEM(string(s.Key))
	if err != nil {
		return nil, fmt.Errorf("read tls.key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("read tls.cert and tls.key: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

func readPEM(s string) ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(s), "-----BEGIN ") {
		return []byte(s), nil
	}
	return os.ReadFile(s)
}
