package kafkaconnect

import (
	"errors"
	"slices"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
)

// IsCode reports whether err is one of Kafka's error codes.
func IsCode(err error, codes ...sarama.KError) bool {
	return slices.ContainsFunc(codes, func(c sarama.KError) bool { return errors.Is(err, c) })
}

// AsError returns an error code as an error: nil for none.
func AsError(e sarama.KError) error {
	if e == sarama.ErrNoError {
		return nil
	}
	return e
}

// CoordinatorMoved reports whether another broker is the coordinator now.
func CoordinatorMoved(err error) bool {
	return IsCode(err, sarama.ErrNotCoordinatorForConsumer, sarama.ErrConsumerCoordinatorNotAvailable)
}

// isLoginError reports whether the broker has refused the login.
func isLoginError(err error) bool {
	return IsCode(err, sarama.ErrSASLAuthenticationFailed, sarama.ErrUnsupportedSASLMechanism, sarama.ErrIllegalSASLState)
}

// loginRefused returns the state of a refused login.
func loginRefused(err error) *capture.Problem {
	return &capture.Problem{
		State: "login_refused", Usage: true, Reason: "Kafka has refused the login",
		Fix: "check the sasl block: mechanism, username and password", Err: err,
	}
}
