//go:build !linux

package pg

import "syscall"

// attr leaves a child as it is: only Linux ties it to this process.
func attr(credential, bool) *syscall.SysProcAttr { return nil }
