// Package web serves the pages: server-rendered, usable without script, in six
// languages. See routes.go for the table of pages.
package web
