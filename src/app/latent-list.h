/* The latents of a run as the table and the plots see them: sorted, filtered, one selected.
 *
 * A GListModel of CsLatentItem and a GtkSelectionModel over an array of indices: items are made when a row asks for one, so
 * that 73,728 latents cost no more than their numbers. The selected latent is kept by its id, whatever is shown. Main
 * thread only.
 *
 * Signals: "selected-changed"; "labels-changed" (a name, note or bookmark: rows show it anew);
 * "visible-changed" (other latents pass the filter); "firing-changed" (before that: another text is searched by, or none). */
#pragma once

#include <gtk/gtk.h>

#include "latents.h"
#include "study.h"

/* Kinds of tokens that a latent's active tokens are counted by. */
typedef enum
{
  CS_LATENT_SHARE_TEXT,
  CS_LATENT_SHARE_USER,
  CS_LATENT_SHARE_MODEL,
  CS_LATENT_SHARE_MARKERS,
  CS_LATENT_SHARE_ROLE,
  CS_LATENT_SHARE_NEWLINE,
  CS_LATENT_SHARE_BOS,
  CS_LATENT_N_SHARES,
} CsLatentShare;

typedef enum
{
  CS_LATENT_COLUMN_ID,
  CS_LATENT_COLUMN_CLASS,
  CS_LATENT_COLUMN_DELTA_NORM,
  CS_LATENT_COLUMN_NU_ERROR,
  CS_LATENT_COLUMN_NU_RECONSTRUCTION,
  CS_LATENT_COLUMN_VERDICT,
  CS_LATENT_COLUMN_COSINE,
  CS_LATENT_COLUMN_DENSITY,
  CS_LATENT_COLUMN_MAX_ACT,
  CS_LATENT_COLUMN_COUNT_ACTIVE,
  CS_LATENT_COLUMN_TEMPLATE_SHARE,
  CS_LATENT_COLUMN_SHARE, /* + CsLatentShare */
  CS_LATENT_COLUMN_LABEL = CS_LATENT_COLUMN_SHARE + CS_LATENT_N_SHARES,
  CS_LATENT_COLUMN_FIRING, /* on the text that is searched by */
  CS_LATENT_N_COLUMNS,
} CsLatentColumn;

/* The number that a column is sorted by; NaN where there is none (LABEL, which is sorted by its
 * words, and FIRING, which the list knows). */
double cs_latent_column_value (const CsLatentRow *row, CsLatentColumn column);

/* Selections on the plots, one a plot: Δ_norm, ν^ε, cosine, log10 of the density. */
typedef enum
{
  CS_LATENT_BRUSH_DELTA_NORM,
  CS_LATENT_BRUSH_NU_ERROR,
  CS_LATENT_BRUSH_COSINE,
  CS_LATENT_BRUSH_DENSITY,
  CS_LATENT_N_BRUSHES,
} CsLatentBrush;

double cs_latent_brush_value (const CsLatentRow *row, CsLatentBrush brush);

typedef struct
{
  bool on;
  double low, high;
} CsLatentInterval;

typedef struct
{
  unsigned classes; /* bits 1 << CsLatentClass of those shown; dead ones go by hide_dead alone */
  bool hide_dead;
  bool chat_specific, tested, bookmarked; /* only those */
  char *list;   /* only those on the list of this name; NULL = all. Owned by the list model. */
  char *search; /* part of the id, name or note, in any case; NULL or "" = all. Owned by the list. */
  CsLatentInterval brush[CS_LATENT_N_BRUSHES];
} CsLatentFilter;

/* All living latents. */
#define CS_LATENT_FILTER_DEFAULT                                                                   \
  ((CsLatentFilter){ .classes = 0xf, .hide_dead = true })

#define CS_TYPE_LATENT_ITEM (cs_latent_item_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentItem, cs_latent_item, CS, LATENT_ITEM, GObject)
size_t cs_latent_item_id (CsLatentItem *item);

#define CS_TYPE_LATENT_LIST (cs_latent_list_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentList, cs_latent_list, CS, LATENT_LIST, GObject)

CsLatentList *cs_latent_list_new (void);
/* Copies the rows; NULL empties the list. Labels, brushes and the selection are forgotten. */
void cs_latent_list_set_latents (CsLatentList *self, const CsLatents *latents);
/* Whether these rows are the ones that it has. */
bool cs_latent_list_holds (CsLatentList *self, const CsLatents *latents);
/* Reads the labels of the run anew. */
void cs_latent_list_load_labels (CsLatentList *self, CsStudy *study, const char *run_name);

size_t cs_latent_list_n_latents (CsLatentList *self); /* all, shown or not */
/* NULL for a latent that is not there; valid until the next cs_latent_list_set_latents(). */
const CsLatentRow *cs_latent_list_row (CsLatentList *self, size_t latent);
/* NULL where it has none; valid until the labels are loaded again. */
const CsLabel *cs_latent_list_label (CsLatentList *self, size_t latent);

void cs_latent_list_sort (CsLatentList *self, CsLatentColumn column, bool descending);
const CsLatentFilter *cs_latent_list_filter (CsLatentList *self);
/* Copied. */
void cs_latent_list_set_filter (CsLatentList *self, const CsLatentFilter *filter);
void cs_latent_list_set_brush (CsLatentList *self, CsLatentBrush brush, double low, double high);
void cs_latent_list_clear_brush (CsLatentList *self, CsLatentBrush brush);
/* Whether a latent passes the filter with one brush left out (−1: none): what the plot of that brush shows. */
bool cs_latent_list_passes (CsLatentList *self, size_t latent, int except);

/* Only latents with a value above 0 pass; values: [n], NaN for those that do not fire, copied. NULL: all pass again. */
void cs_latent_list_set_firing (CsLatentList *self, const float *values);
/* NaN where it does not fire or nothing is searched by. */
double cs_latent_list_firing (CsLatentList *self, size_t latent);
bool cs_latent_list_has_firing (CsLatentList *self);

/* −1 for none. */
gssize cs_latent_list_selected (CsLatentList *self);
void cs_latent_list_select (CsLatentList *self, gssize latent);
/* Where a latent stands among those shown; −1 where it is not. */
gssize cs_latent_list_position (CsLatentList *self, size_t latent);
size_t cs_latent_list_at (CsLatentList *self, guint position);
