package testenv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/tailrace/tailrace/internal/testenv/folder"
)

// copyCluster copies a template's data folder to data, which must not exist, and makes it a cluster of its own: with a
// system identifier that no other cluster has.
func copyCluster(template, data string) error {
	if err := copyTree(template, data); err != nil {
		return fmt.Errorf("copy %s: %w", template, err)
	}
	if err := identify(data, rand.Uint64()>>1); err != nil {
		return fmt.Errorf("give %s a system identifier: %w", data, err)
	}
	return nil
}

// copyTree copies a folder of files and folders. The copy belongs to the user that runs the servers.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if d.IsDir() {
			err = os.Mkdir(target, 0o700)
		} else {
			err = copyFile(path, target)
		}
		return errors.Join(err, folder.Give(target))
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in) // inside the kernel, where supported
	return errors.Join(err, out.Close())
}

// identify writes the system identifier id into a freshly initialized data folder: to global/pg_control, where it is the
// first field, and to the header of the one WAL segment, at byte 24.
func identify(data string, id uint64) error {
	control := filepath.Join(data, "global", "pg_control")
	text, err := os.ReadFile(control)
	if err != nil {
		return err
	}
	end, err := controlChecksum(text)
	if err != nil {
		return err
	}
	binary.NativeEndian.PutUint64(text, id)
	binary.NativeEndian.PutUint32(text[end:], crc32.Checksum(text[:end], crc32.MakeTable(crc32.Castagnoli)))
	segments, err := filepath.Glob(filepath.Join(data, "pg_wal", "0000*"))
	if err != nil {
		return err
	}
	if len(segments) != 1 {
		return fmt.Errorf("expected one WAL segment, have %v", segments)
	}
	return errors.Join(overwrite(control, 0, text), overwrite(segments[0], 24, text[:8]))
}

// controlChecksum returns the position of the checksum in a pg_control file: after everything it covers, at a place that
// differs between versions.
func controlChecksum(text []byte) (int, error) {
	table := crc32.MakeTable(crc32.Castagnoli)
	for end := 8; end+4 <= len(text); end += 4 {
		if crc32.Checksum(text[:end], table) == binary.NativeEndian.Uint32(text[end:]) {
			return end, nil
		}
	}
	return 0, errors.New("pg_control: found no checksum")
}

func overwrite(path string, at int64, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, at)
	return errors.Join(err, f.Close())
}
