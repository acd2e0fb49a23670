/* A latent's numbers as people read them. Main thread only. Strings are translated; free with g_free() unless const. */
#pragma once

#include "latent-list.h"
#include "plot-theme.h"

/* Fewer active tokens than this say little about a latent. */
#define CS_LATENT_FEW_TOKENS 100

const char *cs_latent_column_title (CsLatentColumn column); /* "Δ_norm" */
/* By which the settings know it; static. */
const char *cs_latent_column_key (CsLatentColumn column);
/* What the number is, for a tooltip and the accessible label. */
const char *cs_latent_column_meaning (CsLatentColumn column);
/* The cell's text; "–" where the number is not known. "" for LABEL. */
char *cs_latent_column_text (const CsLatentRow *row, CsLatentColumn column);

/* Two or three figures; "–" where not finite. */
char *cs_latent_number (double value);

const char *cs_latent_class_word (const CsLatentRow *row); /* "chat-only", "dead" */
/* The colour class of the dot: CHAT_SPECIFIC where that is the verdict. */
CsPlotClass cs_latent_plot_class (const CsLatentRow *row);
/* Writes label in the colour that the plots give to the class, as the theme is now. */
void cs_latent_color_label (GtkLabel *label, CsPlotClass klass);

const char *cs_latent_verdict_word (const CsLatentRow *row); /* "chat-specific", "not", "not tested" */
/* Why: "ν^ε 0.04 < 0.2 and ν^r 0.11 < 0.5: chat-specific" … */
char *cs_latent_verdict_reason (const CsLatentRow *row);

/* All facts as lines of text, for the clipboard. label may be NULL. */
char *cs_latent_as_text (const CsLatentRow *row, const CsLabel *label, const char *run_name);
/* The shown latents as CSV with the field's column names. The result is owned by the caller. */
GString *cs_latents_as_csv (CsLatentList *list);
