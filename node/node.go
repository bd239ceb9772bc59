// Package node holds the use cases, one file each: its file list is the
// product's table of contents. It is also the composition root: Open builds
// the keeper, the keys, the readers and the servers by hand.
package node
