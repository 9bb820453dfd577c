package daemon

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// unlimited is the smallest limit of version 1 that means no limit: the kernel prints the largest number of pages.
const unlimited = 1 << 60

// cgroupLimit is the memory limit in bytes of the control group that we are in, the smallest one up to the root; 0 when
// there is none. The root of files is "/".
func cgroupLimit(files fs.FS) int64 {
	self, err := fs.ReadFile(files, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	smallest := int64(0)
	for _, line := range strings.Split(strings.TrimSpace(string(self)), "\n") {
		id, rest, _ := strings.Cut(line, ":")
		controllers, group, ok := strings.Cut(rest, ":")
		if !ok {
			continue
		}
		var limit int64
		switch {
		case id == "0" && controllers == "":
			limit = limitUpwards(files, "sys/fs/cgroup", group, "memory.max")
		case controllers == "memory":
			limit = limitUpwards(files, "sys/fs/cgroup/memory", group, "memory.limit_in_bytes")
		}
		if limit > 0 && (smallest == 0 || limit < smallest) {
			smallest = limit
		}
	}
	return smallest
}

// limitUpwards reads the file of the group and of all groups around it. In a container the group's path may be the
// host's, or lead out of what is mounted: then the mount's own root counts.
func limitUpwards(files fs.FS, mount, group, file string) int64 {
	smallest := int64(0)
	for dir := path.Join(mount, path.Clean("/"+group)); ; dir = path.Dir(dir) {
		if limit := readLimit(files, path.Join(dir, file)); limit > 0 && (smallest == 0 || limit < smallest) {
			smallest = limit
		}
		if dir == mount {
			return smallest
		}
	}
}

func readLimit(files fs.FS, name string) int64 {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || n >= unlimited { // "max" is no number
		return 0
	}
	return n
}
