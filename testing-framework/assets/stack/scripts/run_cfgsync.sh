#!/bin/sh
exec cfgsync-server /etc/nomos/cfgsync.yaml
