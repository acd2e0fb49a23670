/* Which latents a list shows, and in which order. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "latent-list-private.h"
#include "latent-shares.h"

/* --- Numbers of a row --- */

double
cs_latent_column_value (const CsLatentRow *row, CsLatentColumn column)
{
  switch (column)
    {
    case CS_LATENT_COLUMN_ID:
      return row->latent;
    case CS_LATENT_COLUMN_CLASS:
      return row->tag;
    case CS_LATENT_COLUMN_DELTA_NORM:
      return row->delta_norm;
    case CS_LATENT_COLUMN_NU_ERROR:
      return row->nu_error;
    case CS_LATENT_COLUMN_NU_RECONSTRUCTION:
      return row->nu_reconstruction;
    case CS_LATENT_COLUMN_VERDICT:
      return row->tested ? row->chat_specific : NAN;
    case CS_LATENT_COLUMN_COSINE:
      return row->dec_cos_sim;
    case CS_LATENT_COLUMN_DENSITY:
      return row->density;
    case CS_LATENT_COLUMN_MAX_ACT:
      return row->max_act;
    case CS_LATENT_COLUMN_COUNT_ACTIVE:
      return (double)row->count_active;
    case CS_LATENT_COLUMN_TEMPLATE_SHARE:
      return row->template_share;
    default:
      return cs_latent_column_is_share (column)
                 ? cs_latent_share (row, column - CS_LATENT_COLUMN_SHARE)
                 : NAN;
    }
}

double
cs_latent_brush_value (const CsLatentRow *row, CsLatentBrush brush)
{
  switch (brush)
    {
    case CS_LATENT_BRUSH_DELTA_NORM:
      return row->delta_norm;
    case CS_LATENT_BRUSH_NU_ERROR:
      return row->tested ? row->nu_error : NAN;
    case CS_LATENT_BRUSH_COSINE:
      return row->dec_cos_sim;
    case CS_LATENT_BRUSH_DENSITY:
      return row->density > 0 ? log10 (row->density) : NAN;
    default:
      return NAN;
    }
}

/* --- Filter --- */

static bool
matches_search (CsLatentList *self, size_t latent, const CsListLabel *label)
{
  char id[24];

  if (self->needle == NULL)
    return true;
  snprintf (id, sizeof id, "%zu", latent);
  return strstr (id, self->needle) != NULL ||
         (label != NULL && strstr (label->folded, self->needle) != NULL);
}

static bool
in_brushes (const CsLatentFilter *filter, const CsLatentRow *row, int except)
{
  for (int b = 0; b < CS_LATENT_N_BRUSHES; b++)
    if (filter->brush[b].on && b != except)
      {
        double value = cs_latent_brush_value (row, b);

        if (!(value >= filter->brush[b].low && value <= filter->brush[b].high))
          return false;
      }
  return true;
}

bool
cs_latent_list_passes (CsLatentList *self, size_t latent, int except)
{
  const CsLatentFilter *filter = &self->filter;
  const CsLatentRow *row = &self->rows[latent];
  const CsListLabel *label;

  if (self->firing != NULL && !(self->firing[latent] > 0))
    return false;
  if (row->dead ? filter->hide_dead : !(filter->classes & 1u << row->tag))
    return false;
  if ((filter->chat_specific && !row->chat_specific) || (filter->tested && !row->tested) ||
      !in_brushes (filter, row, except))
    return false;
  if (!filter->bookmarked && self->needle == NULL && filter->list == NULL)
    return true;
  label = g_hash_table_lookup (self->labels, GSIZE_TO_POINTER (latent));
  if (filter->bookmarked && (label == NULL || !label->label.bookmarked))
    return false;
  if (filter->list != NULL &&
      (label == NULL || label->label.lists == NULL ||
       !g_strv_contains ((const char *const *)label->label.lists, filter->list)))
    return false;
  return matches_search (self, latent, label);
}

static void
show_passing (CsLatentList *self)
{
  g_autofree uint32_t *old = g_memdup2 (self->shown, self->n_shown * sizeof *self->shown);
  size_t before = self->n_shown, first = 0, last = 0, least;

  self->n_shown = 0;
  for (size_t i = 0; i < self->n; i++)
    {
      uint32_t latent = self->order[i];
      bool passes = cs_latent_list_passes (self, latent, -1);

      self->position[latent] = passes ? (uint32_t)self->n_shown : G_MAXUINT32;
      if (passes)
        self->shown[self->n_shown++] = latent;
    }
  /* What stays at either end is not bound anew: that is most of it while a selection is dragged. */
  least = MIN (before, self->n_shown);
  while (first < least && old[first] == self->shown[first])
    first++;
  while (last < least - first && old[before - 1 - last] == self->shown[self->n_shown - 1 - last])
    last++;
  if (before != self->n_shown || first < before)
    g_list_model_items_changed (G_LIST_MODEL (self), (guint)first, (guint)(before - first - last),
                                (guint)(self->n_shown - first - last));
}

void
cs_latent_list_refilter (CsLatentList *self)
{
  show_passing (self);
  g_signal_emit_by_name (self, "visible-changed");
}

const CsLatentFilter *
cs_latent_list_filter (CsLatentList *self)
{
  g_return_val_if_fail (CS_IS_LATENT_LIST (self), NULL);
  return &self->filter;
}

void
cs_latent_list_set_filter (CsLatentList *self, const CsLatentFilter *filter)
{
  g_autofree char *search = NULL, *list = NULL;

  g_return_if_fail (CS_IS_LATENT_LIST (self));
  search = g_strdup (filter->search);
  list = g_strdup (filter->list);
  g_free (self->filter.search);
  g_free (self->filter.list);
  g_clear_pointer (&self->needle, g_free);
  self->filter = *filter;
  if (search != NULL && *g_strstrip (search) != '\0')
    self->needle = g_utf8_casefold (search, -1);
  self->filter.search = g_steal_pointer (&search);
  self->filter.list = g_steal_pointer (&list);
  cs_latent_list_refilter (self);
}

void
cs_latent_list_set_brush (CsLatentList *self, CsLatentBrush brush, double low, double high)
{
  g_return_if_fail (CS_IS_LATENT_LIST (self) && brush < CS_LATENT_N_BRUSHES);
  self->filter.brush[brush] = (CsLatentInterval){ .on = true, .low = low, .high = high };
  cs_latent_list_refilter (self);
}

void
cs_latent_list_clear_brush (CsLatentList *self, CsLatentBrush brush)
{
  g_return_if_fail (CS_IS_LATENT_LIST (self) && brush < CS_LATENT_N_BRUSHES);
  if (!self->filter.brush[brush].on)
    return;
  self->filter.brush[brush].on = false;
  cs_latent_list_refilter (self);
}

/* --- Sort --- */

typedef struct
{
  double key;
  uint32_t latent;
} Keyed;

/* What is not known comes last in both directions, equal keys by id. */
static int
compare_keyed (const void *a, const void *b, void *data)
{
  const Keyed *x = a, *y = b;
  bool no_x = isnan (x->key), no_y = isnan (y->key);

  if (no_x != no_y)
    return no_x ? 1 : -1;
  if (!no_x && x->key != y->key)
    return (x->key < y->key ? -1 : 1) * (*(bool *)data ? -1 : 1);
  return x->latent < y->latent ? -1 : x->latent > y->latent;
}

static int
compare_words (const void *a, const void *b, void *data)
{
  CsLatentList *self = data;
  const CsLabel *x = cs_latent_list_label (self, *(const size_t *)a);
  const CsLabel *y = cs_latent_list_label (self, *(const size_t *)b);

  if ((x->name == NULL) != (y->name == NULL))
    return x->name == NULL ? 1 : -1;
  return x->name != NULL ? g_utf8_collate (x->name, y->name) : 0;
}

/* Labels by their words, bookmarks without a name after them, the many without either have no key. */
static void
set_label_keys (CsLatentList *self, Keyed *keyed)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (size_t));
  GHashTableIter iter;
  void *key;

  for (size_t i = 0; i < self->n; i++)
    keyed[i].key = NAN;
  g_hash_table_iter_init (&iter, self->labels);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      size_t id = GPOINTER_TO_SIZE (key);
      g_array_append_val (ids, id);
    }
  g_array_sort_with_data (ids, compare_words, self);
  for (guint i = 0; i < ids->len; i++)
    keyed[g_array_index (ids, size_t, i)].key = i;
}

void
cs_latent_list_resort (CsLatentList *self)
{
  g_autofree Keyed *keyed = g_new (Keyed, self->n);

  for (size_t i = 0; i < self->n; i++)
    keyed[i] = (Keyed){ .key = cs_latent_column_value (&self->rows[i], self->sort_column),
                        .latent = (uint32_t)i };
  if (self->sort_column == CS_LATENT_COLUMN_LABEL)
    set_label_keys (self, keyed);
  for (size_t i = 0; i < self->n && self->sort_column == CS_LATENT_COLUMN_FIRING; i++)
    keyed[i].key = cs_latent_list_firing (self, i);
  g_qsort_with_data (keyed, (int)self->n, sizeof *keyed, compare_keyed, &self->descending);
  for (size_t i = 0; i < self->n; i++)
    self->order[i] = keyed[i].latent;
}

void
cs_latent_list_sort (CsLatentList *self, CsLatentColumn column, bool descending)
{
  g_return_if_fail (CS_IS_LATENT_LIST (self) && column < CS_LATENT_N_COLUMNS);
  if (self->sort_column == column && self->descending == descending &&
      column != CS_LATENT_COLUMN_LABEL && column != CS_LATENT_COLUMN_FIRING)
    return;
  self->sort_column = column;
  self->descending = descending;
  cs_latent_list_resort (self);
  show_passing (self);
}

/* --- What fires on a text --- */

double
cs_latent_list_firing (CsLatentList *self, size_t latent)
{
  return self->firing != NULL && latent < self->n ? self->firing[latent] : NAN;
}

bool
cs_latent_list_has_firing (CsLatentList *self)
{
  return self->firing != NULL;
}

void
cs_latent_list_set_firing (CsLatentList *self, const float *values)
{
  g_return_if_fail (CS_IS_LATENT_LIST (self));
  if (values == NULL && self->firing == NULL)
    return;
  g_free (self->firing);
  self->firing = values != NULL ? g_memdup2 (values, self->n * sizeof *values) : NULL;
  g_signal_emit_by_name (self, "firing-changed");
  if (self->sort_column == CS_LATENT_COLUMN_FIRING)
    cs_latent_list_resort (self);
  cs_latent_list_refilter (self);
}
