package pg

import "syscall"

// attr says how a child runs: as who, and (lasting ones) not longer than this
// process, whatever that dies of.
func attr(who credential, lasting bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{}
	if who.other {
		a.Credential = &syscall.Credential{Uid: who.uid, Gid: who.gid}
	}
	if lasting {
		a.Pdeathsig, a.Setpgid = syscall.SIGQUIT, true
	}
	return a
}
