#!/bin/sh
# Makes configure and the Makefile.in from their sources.
exec autoreconf -fi "$(dirname "$0")"
