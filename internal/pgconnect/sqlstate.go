package pgconnect

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATEs, named as in appendix A of the Postgres manual.
const (
	Warning                      = "01000"
	ConnectionException          = "08" // the class
	FeatureNotSupported          = "0A000"
	DataException                = "22" // the class
	NumericValueOutOfRange       = "22003"
	InvalidDatetimeFormat        = "22007"
	DatetimeFieldOverflow        = "22008"
	DivisionByZero               = "22012"
	InvalidParameterValue        = "22023"
	InvalidTextRepresentation    = "22P02"
	IntegrityConstraintViolation = "23" // the class
	NotNullViolation             = "23502"
	ForeignKeyViolation          = "23503"
	UniqueViolation              = "23505"
	CheckViolation               = "23514"
	ExclusionViolation           = "23P01"
	ReadOnlySQLTransaction       = "25006"
	InvalidAuthorization         = "28000"
	InvalidPassword              = "28P01"
	InvalidCatalogName           = "3D000"
	InvalidSchemaName            = "3F000"
	SerializationFailure         = "40001"
	DeadlockDetected             = "40P01"
	InsufficientPrivilege        = "42501"
	UndefinedObject              = "42704"
	DuplicateObject              = "42710"
	InvalidColumnReference       = "42P10"
	InvalidTableDefinition       = "42P16"
	UndefinedTable               = "42P01"
	DuplicateSchema              = "42P06"
	DuplicateTable               = "42P07"
	WithCheckOptionViolation     = "44000"
	DiskFull                     = "53100"
	OutOfMemory                  = "53200"
	TooManyConnections           = "53300"
	ConfigurationLimitExceeded   = "53400"
	ProgramLimitExceeded         = "54000"
	ObjectNotInPrerequisiteState = "55000"
	ObjectInUse                  = "55006"
	LockNotAvailable             = "55P03"
	QueryCanceled                = "57014"
	AdminShutdown                = "57P01"
	CrashShutdown                = "57P02"
	CannotConnectNow             = "57P03"
	RaiseException               = "P0001"
	InternalError                = "XX000"
)

// SQLState returns the SQLSTATE of a server's error in err, or "".
func SQLState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
