// What the files of the judgement share; nobody else includes it.
#ifndef TANDEM_GATE_CHECKS_INSIDE_H
#define TANDEM_GATE_CHECKS_INSIDE_H

#include "secondary/signer/gate/checks.h"

// Counts against a served version.
bool gate_removes_too_much(const struct diff_counts *counts, const struct gate_limits *limits);
unsigned gate_removed_percent(const struct diff_counts *counts);

#endif
