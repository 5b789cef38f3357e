#!/bin/sh
# Makes configure and the Makefile.in from their sources.
mkdir -p "$(dirname "$0")/m4"
exec autoreconf -fi "$(dirname "$0")"
