package testenv

// KafkaOption changes how a cluster is set up.
type KafkaOption func(*KafkaServer)

// Nodes makes a cluster of n nodes, each both broker and controller.
func Nodes(n int) KafkaOption { return func(s *KafkaServer) { s.size = n } }

// Property sets a line of every node's server.properties; the last value of a name applies.
func Property(name, value string) KafkaOption {
	return func(s *KafkaServer) { s.properties = append(s.properties, name+"="+value) }
}

// Java adds Java flags to those of every node; the last value of a name applies. Without it the nodes start fast and are
// small, which suits tests but not benchmarks.
func Java(flags ...string) KafkaOption {
	return func(s *KafkaServer) { s.java = append(s.java, flags...) }
}

// SASL makes clients authenticate by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 with this user and password.
func SASL(user, password string) KafkaOption {
	return func(s *KafkaServer) { s.user, s.password = user, password }
}

// SSL makes clients use TLS with a certificate for 127.0.0.1 and localhost, signed by the authority in CAFile.
func SSL() KafkaOption { return func(s *KafkaServer) { s.ssl = true } }

// Proxied puts a proxy between the clients and each node; the nodes advertise it as their address.
func Proxied() KafkaOption { return func(s *KafkaServer) { s.proxied = true } }

// ACLs makes the nodes authorize clients, which may do only what they were granted. Without SASL every client
// is the all-powerful User:ANONYMOUS, so use both.
func ACLs() KafkaOption {
	return func(s *KafkaServer) {
		s.properties = append(s.properties,
			"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
			"super.users=User:ANONYMOUS")
	}
}
