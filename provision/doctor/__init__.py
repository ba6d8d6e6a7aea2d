"""Why a machine's GPU does not work: an ordered decision tree over its facts. Pure: no clock, no machine."""

from provision.doctor.finding import Diagnosis, Finding, Looked, Severity
from provision.doctor.tree import diagnose, examine

__all__ = ["Diagnosis", "Finding", "Looked", "Severity", "diagnose", "examine"]
