/* The plots of the Latents page, linked with the table: each shows what passes the filter and the other plots'
 * selections, and its own selection filters the rest. The last, of the tokens, filters nothing. */
#pragma once

#include "latent-list.h"

#define CS_TYPE_LATENT_PLOTS (cs_latent_plots_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentPlots, cs_latent_plots, CS, LATENT_PLOTS, GtkWidget)

/* Signals: "latent-activated" (guint latent): its point was clicked. */
void cs_latent_plots_set_list (CsLatentPlots *self, CsLatentList *list);
/* What the plot of a brush is called: "Δ_norm", "ν^ε × ν^r", … */
const char *cs_latent_brush_name (CsLatentBrush brush);
/* Selects on a plot, as a drag does; low > high selects nothing. */
void cs_latent_plots_set_brush (CsLatentPlots *self, CsLatentBrush brush, double low, double high);
