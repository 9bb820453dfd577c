package testenv

// KafkaOption changes how a cluster is set up.
type KafkaOption func(*KafkaServer)

// Nodes makes a cluster of n nodes, each both broker and controller.
func Nodes(n int) KafkaOption { return func(s *KafkaServer) { s.size = n } }

// Property sets a line of every node's server.properties; the last one of a name counts.
func Property(name, value string) KafkaOption {
	return func(s *KafkaServer) { s.properties = append(s.properties, name+"="+value) }
}

// Java adds flags of Java to every node's; the last one of a name counts. Without it the nodes start fast and are small,
// which is for tests, not for figures.
func Java(flags ...string) KafkaOption {
	return func(s *KafkaServer) { s.java = append(s.java, flags...) }
}

// SASL makes clients log in by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 with this user and password.
func SASL(user, password string) KafkaOption {
	return func(s *KafkaServer) { s.user, s.password = user, password }
}

// SSL makes clients use TLS with a certificate for 127.0.0.1 and localhost, signed by the authority in CAFile.
func SSL() KafkaOption { return func(s *KafkaServer) { s.ssl = true } }

// Proxied puts a proxy between the clients and each node; the nodes advertise it as their address.
func Proxied() KafkaOption { return func(s *KafkaServer) { s.proxied = true } }

// ACLs makes the nodes check what clients may do, which is nothing but what they were granted. Without SASL every client
// is the all-powerful User:ANONYMOUS, so take both.
func ACLs() KafkaOption {
	return func(s *KafkaServer) {
		s.properties = append(s.properties,
			"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
			"super.users=User:ANONYMOUS")
	}
}
