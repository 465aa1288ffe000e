#!/usr/bin/env bash
# Prints what a Prometheus server knows at the moment, job by job. Needs python3 alone.
#
#   scripts/query-prom-metrics.sh [URL]    else the variable PROM_URL, else http://127.0.0.1:9090
set -euo pipefail

case "${1:-}" in
  -h | --help) sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;;
esac
if (($# > 1)); then
  echo "Usage: scripts/query-prom-metrics.sh [URL]" >&2
  exit 1
fi
command -v python3 >/dev/null || { echo "ERROR: python3 is missing." >&2 && exit 1; }

exec python3 - "${1:-${PROM_URL:-http://127.0.0.1:9090}}" <<'PROGRAM'
import json
import sys
from itertools import groupby
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

URL = sys.argv[1].rstrip("/")
QUERY = '{job!="",__name__!~".+_bucket"}'  # a histogram's count and sum say enough


def main():
    try:
        with urlopen(f"{URL}/api/v1/query?{urlencode({'query': QUERY})}", timeout=30) as answer:
            series = json.load(answer)["data"]["result"]
    except HTTPError as error:
        sys.exit(f"ERROR: {URL} refused the query: {error}: {error.read(200).decode(errors='replace')}")
    except (KeyError, TypeError, json.JSONDecodeError):
        sys.exit(f"ERROR: {URL} is no Prometheus server")
    except (OSError, ValueError) as error:
        sys.exit(f"ERROR: {URL} can't be asked: {error}")
    if not series:
        print(f"{URL} has no metrics of any job yet")
    rows = sorted((item["metric"]["job"], shown(item["metric"]), item["value"][1]) for item in series)
    for job, metrics in groupby(rows, key=lambda row: row[0]):
        print(job)
        for _, name, value in metrics:
            print(f"  {name} {value}")


def shown(labels):
    others = [f'{name}="{value}"' for name, value in sorted(labels.items()) if name not in ("__name__", "job", "instance")]
    return labels["__name__"] + ("{" + ",".join(others) + "}" if others else "")


main()
PROGRAM
