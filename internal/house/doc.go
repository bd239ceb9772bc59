// Package house keeps the house in order: its tests read the source, the
// documents and the module list, and fail when a rule of CONTRIBUTING.md is
// broken. There is no code to import.
package house
