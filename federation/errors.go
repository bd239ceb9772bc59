package federation

import "github.com/comity-net/comity"

// invalid says that input breaks a rule of the format.
func invalid(op string, subject any, cause error, key string, args ...comity.Arg) error {
	return comity.E(comity.Invalid, op, subject, comity.Msg(key, args...), cause)
}

// unverified says that a signature, hash, key or claim does not hold.
func unverified(op string, subject any, cause error, key string, args ...comity.Arg) error {
	return comity.E(comity.Unverified, op, subject, comity.Msg(key, args...), cause)
}

// tooLarge says that what is over the limit.
func tooLarge(op string, subject any, cause error, what string, limit int64) error {
	return comity.E(comity.TooLarge, op, subject, comity.Msg("federation.too_large",
		comity.A("what", what), comity.A("limit", limit)), cause)
}

// forbidden says that rights, state or agreement refuse.
func forbidden(op string, subject any, key string, args ...comity.Arg) error {
	return comity.E(comity.Forbidden, op, subject, comity.Msg(key, args...), nil)
}
