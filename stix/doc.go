// Package stix reads, judges and makes STIX 2.1 objects.
package stix
