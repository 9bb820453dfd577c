package main

import (
	"fmt"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"
)

// newLogger returns a logger to w: readable text on a terminal, else JSON.
func newLogger(w *os.File, format, level string) (*zap.Logger, error) {
	if format == "" {
		format = "json"
		if isTerminal(w) {
			format = "console"
		}
	}
	l, err := zapcore.ParseLevel(level)
	if err != nil || l > zapcore.ErrorLevel {
		return nil, usageError(fmt.Sprintf("-log-level %q is not one of debug, info, warn and error", level))
	}
	c := zap.NewProductionEncoderConfig()
	c.TimeKey, c.EncodeTime, c.EncodeDuration = "time", zapcore.RFC3339NanoTimeEncoder, zapcore.StringDurationEncoder
	var encoder zapcore.Encoder
	switch format {
	case "json":
		encoder = zapcore.NewJSONEncoder(c)
	case "console":
		c.EncodeTime, c.EncodeLevel = zapcore.RFC3339TimeEncoder, zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(c)
	default:
		return nil, usageError(fmt.Sprintf("-log-format %q is neither json nor console", format))
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(w), l)), nil
}

// isTerminal reports whether f is a terminal.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	return err == nil
}
