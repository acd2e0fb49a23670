/* Curves of several runs over their steps, one plot a metric, in a grid that reflows. */
#pragma once

#include <adwaita.h>

#include "training-series.h"

#define CS_TYPE_TRAINING_PLOTS (cs_training_plots_get_type ())
G_DECLARE_FINAL_TYPE (CsTrainingPlots, cs_training_plots, CS, TRAINING_PLOTS, AdwBin)

GtkWidget *cs_training_plots_new (void);
/* Draws these runs (CsRunSeries, referenced) and no others; the zoom of the plots stays. */
void cs_training_plots_set_series (CsTrainingPlots *self, GPtrArray *series);
/* Rows of series number `index` were added from row `first` on. */
void cs_training_plots_append (CsTrainingPlots *self, guint index, guint first);
/* Shows or hides the curves by what the series say. */
void cs_training_plots_update_shown (CsTrainingPlots *self);
/* Weight of the past in [0, 1). */
void cs_training_plots_set_smoothing (CsTrainingPlots *self, double weight);
