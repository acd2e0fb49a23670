/* On what kinds of tokens latents are active: shares of their active tokens, in the kinds that
 * people tell apart, and those shares as a figure. */
#pragma once

#include "latent-list.h"
#include "plot.h"

static inline bool
cs_latent_column_is_share (CsLatentColumn column)
{
  return column >= CS_LATENT_COLUMN_SHARE && column < CS_LATENT_COLUMN_LABEL;
}

/* 0 … 1; they add up to 1. NaN without chat text. */
double cs_latent_share (const CsLatentRow *row, CsLatentShare share);
const char *cs_latent_share_name (CsLatentShare share);    /* "User", for a heading or a legend */
const char *cs_latent_share_meaning (CsLatentShare share); /* "Share of its active tokens that …" */

#define CS_LATENT_SHARES_SHOWN 12

/* Stacked bars: the mean over the shown latents, over those of each class, and the first
 * CS_LATENT_SHARES_SHOWN latents of the list as it is sorted now. *n_bars: how many bars there
 * are. The caller owns the plot. */
CsPlot *cs_latent_shares_figure (CsLatentList *list, size_t *n_bars);
