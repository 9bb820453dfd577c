package testenv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/tailrace/tailrace/internal/testenv/folder"
)

// keyPair names the files of a certificate and its key, both in PEM, the key as PKCS #8.
type keyPair struct{ certFile, keyFile string }

// certificate creates an authority and, signed by it, a server's certificate for 127.0.0.1 and localhost, in the folder
// dir. It returns the file of the authority's certificate and the server's files.
func certificate(dir string) (caFile string, server keyPair, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", server, fmt.Errorf("make key: %w", err)
	}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", server, fmt.Errorf("make key: %w", err)
	}
	ca := description("tailrace test authority")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	leaf := description("localhost")
	leaf.DNSNames, leaf.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}

	caText, err1 := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	leafText, err2 := x509.CreateCertificate(rand.Reader, leaf, ca, &serverKey.PublicKey, caKey)
	keyText, err3 := x509.MarshalPKCS8PrivateKey(serverKey)
	if err := errors.Join(err1, err2, err3); err != nil {
		return "", server, fmt.Errorf("make certificate: %w", err)
	}
	caFile = filepath.Join(dir, "ca.pem")
	server = keyPair{certFile: filepath.Join(dir, "server.pem"), keyFile: filepath.Join(dir, "server.key")}
	return caFile, server, errors.Join(
		writePEM(caFile, "CERTIFICATE", caText),
		writePEM(server.certFile, "CERTIFICATE", leafText),
		writePEM(server.keyFile, "PRIVATE KEY", keyText),
	)
}

func description(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}

// writePEM writes a file that only the servers' user may read: Postgres requires that of a key.
func writePEM(path, kind string, text []byte) error {
	text = pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: text})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return folder.Give(path)
}
