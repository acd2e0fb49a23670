#pragma once

#include "latent-list.h"

typedef struct
{
  CsLabel label;
  char *folded; /* name and note, for the search */
} CsListLabel;

struct _CsLatentList
{
  GObject parent;
  CsLatentRow *rows; /* [n] */
  size_t n;
  uint32_t *order;    /* [n] all latents as they are sorted */
  uint32_t *shown;    /* [n_shown] those that pass, in that order */
  uint32_t *position; /* [n] in shown; G_MAXUINT32 where not */
  size_t n_shown;
  GHashTable *labels; /* id → CsListLabel */
  CsLatentFilter filter;
  float *firing; /* [n], or NULL */
  char *needle; /* search, folded; NULL for none */
  CsLatentColumn sort_column;
  bool descending;
  gssize selected;
};

/* latent-list-order.c: both keep the selected latent; the second tells who looks on. */
void cs_latent_list_resort (CsLatentList *self);
void cs_latent_list_refilter (CsLatentList *self);
