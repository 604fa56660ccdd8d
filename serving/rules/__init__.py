"""The rule language of `policy.yaml`: text → one syntax tree → two evaluators, for one row and for many."""

from serving.rules.kinds import Kinds, check_kinds
from serving.rules.names import FIXED_NAMES
from serving.rules.parser import parse
from serving.rules.rule import Expression, Rule
from serving.rules.syntax import Kind, Node, RuleError, Value, names_in

__all__ = [
    "FIXED_NAMES",
    "Expression",
    "Kind",
    "Kinds",
    "Node",
    "Rule",
    "RuleError",
    "Value",
    "check_kinds",
    "names_in",
    "parse",
]
