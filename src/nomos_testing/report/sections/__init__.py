"""The sections of the HTML report: functions from the record of a run to blocks of a page."""
