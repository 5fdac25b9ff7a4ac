// Package scan reads one campaign of the Revox API whole, or fails.
package scan
