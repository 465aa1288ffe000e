"""The likely causes of a run that did not pass, found in its journal and in its nodes' logs."""
