package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/tailrace/tailrace/config"
)

// TLSSettings is a tls block. Certificates are the path of a file or the PEM text itself.
type TLSSettings struct {
	CA         string        `hcl:"ca,optional"` // "": the system's
	Cert       string        `hcl:"cert,optional"`
	Key        config.Secret `hcl:"key,optional"`
	ServerName string        `hcl:"server_name,optional"` // "": the broker's host
	Insecure   bool          `hcl:"insecure_skip_verify,optional"`
}

// config is nil where there is no block.
func (s *TLSSettings) config() (*tls.Config, error) {
	if s == nil {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.ServerName, InsecureSkipVerify: s.Insecure}
	if s.CA != "" {
		pem, err := pemOf(s.CA)
		if err != nil {
			return nil, fmt.Errorf("read tls.ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read tls.ca: there is no certificate in it")
		}
	}
	if s.Cert == "" && s.Key == "" {
		return c, nil
	}
	cert, err := pemOf(s.Cert)
	if err != nil {
		return nil, fmt.Errorf("read tls.cert: %w", err)
	}
	key, err := pemOf(string(s.Key))
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

func pemOf(s string) ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(s), "-----BEGIN ") {
		return []byte(s), nil
	}
	return os.ReadFile(s)
}

// loopback says whether an address can only be this machine.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func validAddress(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	return err == nil && host != "" && port != ""
}

// validTopic is Kafka's rule for names.
func validTopic(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 249 {
		return false
	}
	for _, c := range name {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if digit := '0' <= c && c <= '9'; !letter && !digit && !strings.ContainsRune("._-", c) {
			return false
		}
	}
	return true
}
