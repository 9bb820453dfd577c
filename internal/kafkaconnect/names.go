package kafkaconnect

import (
	"net"
	"strings"
)

// IsLoopback reports whether an address can only be this machine.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// IsAddress reports whether addr is host:port.
func IsAddress(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	return err == nil && host != "" && port != ""
}

// IsTopicName reports whether name follows Kafka's rule for names of topics.
func IsTopicName(name string) bool {
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
