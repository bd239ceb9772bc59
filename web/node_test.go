package web

import "github.com/comity-net/comity/node"

var _ Node = (*node.Node)(nil)
