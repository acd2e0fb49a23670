/* What trials found, as widgets. */
#pragma once

#include <adwaita.h>

#include "baselines.h"
#include "causality.h"

/* What they show is copied. */
GtkWidget *cs_causality_results_new (const CsCausality *causality);
GtkWidget *cs_baselines_results_new (const CsBaselines *baselines);
