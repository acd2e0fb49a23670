#pragma once

#include <adwaita.h>

#include "refusal-audit.h"

/* What an audit found: refusals of each arm, latents, examples. The audit is not kept. */
GtkWidget *cs_audit_results_new (const CsRefusalAudit *audit);
