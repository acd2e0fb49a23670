#include <string.h>

#include "latent-list-private.h"

struct _CsLatentItem
{
  GObject parent;
  size_t id;
};

G_DEFINE_FINAL_TYPE (CsLatentItem, cs_latent_item, G_TYPE_OBJECT)

enum
{
  SIGNAL_SELECTED_CHANGED,
  SIGNAL_LABELS_CHANGED,
  SIGNAL_VISIBLE_CHANGED,
  SIGNAL_FIRING_CHANGED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void list_model_init (GListModelInterface *iface);
static void selection_model_init (GtkSelectionModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (CsLatentList,
                               cs_latent_list,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init)
                                   G_IMPLEMENT_INTERFACE (GTK_TYPE_SELECTION_MODEL,
                                                          selection_model_init))

/* --- Items --- */

static void
cs_latent_item_class_init (CsLatentItemClass *klass)
{
}

static void
cs_latent_item_init (CsLatentItem *self)
{
}

size_t
cs_latent_item_id (CsLatentItem *item)
{
  g_return_val_if_fail (CS_IS_LATENT_ITEM (item), 0);
  return item->id;
}

/* --- Data --- */

static void
clear_rows (CsLatentList *self)
{
  g_clear_pointer (&self->rows, g_free);
  g_clear_pointer (&self->order, g_free);
  g_clear_pointer (&self->shown, g_free);
  g_clear_pointer (&self->position, g_free);
  g_clear_pointer (&self->firing, g_free);
  self->n = 0;
}

void
cs_latent_list_set_latents (CsLatentList *self, const CsLatents *latents)
{
  size_t n = latents != NULL ? MIN (latents->n_latents, G_MAXINT / 2) : 0;
  size_t before = self->n_shown;

  g_return_if_fail (CS_IS_LATENT_LIST (self));
  self->n_shown = 0;
  clear_rows (self);
  g_hash_table_remove_all (self->labels);
  memset (self->filter.brush, 0, sizeof self->filter.brush);
  g_list_model_items_changed (G_LIST_MODEL (self), 0, (guint)before, 0);
  cs_latent_list_select (self, -1);
  self->n = n;
  self->rows = n > 0 ? g_memdup2 (latents->rows, n * sizeof *self->rows) : NULL;
  for (size_t i = 0; i < n; i++)
    if (self->rows[i].tag > CS_LATENT_DEAD)
      self->rows[i].tag = CS_LATENT_OTHER;
  self->order = g_new (uint32_t, n);
  self->shown = g_new (uint32_t, n);
  self->position = g_new (uint32_t, n);
  cs_latent_list_resort (self);
  cs_latent_list_refilter (self);
}

bool
cs_latent_list_holds (CsLatentList *self, const CsLatents *latents)
{
  g_return_val_if_fail (CS_IS_LATENT_LIST (self), false);
  return self->n == latents->n_latents &&
         (self->n == 0 || memcmp (self->rows, latents->rows, self->n * sizeof *self->rows) == 0);
}

static CsListLabel *
label_new (const CsLabel *from)
{
  CsListLabel *label = g_new0 (CsListLabel, 1);
  g_autofree char *words =
      g_strconcat (from->name ? from->name : "", "\n", from->note ? from->note : "", "\n",
                   from->suggestion != NULL ? from->suggestion->text : "", NULL);

  label->label.name = g_strdup (from->name);
  label->label.note = g_strdup (from->note);
  label->label.bookmarked = from->bookmarked;
  label->label.lists = g_strdupv (from->lists);
  if (from->suggestion != NULL)
    {
      label->label.suggestion = g_memdup2 (from->suggestion, sizeof *from->suggestion);
      label->label.suggestion->text = g_strdup (from->suggestion->text);
      label->label.suggestion->model = g_strdup (from->suggestion->model);
    }
  label->folded = g_utf8_casefold (words, -1);
  return label;
}

static void
label_free (void *data)
{
  CsListLabel *label = data;

  g_free (label->label.name);
  g_free (label->label.note);
  g_strfreev (label->label.lists);
  if (label->label.suggestion != NULL)
    {
      g_free (label->label.suggestion->text);
      g_free (label->label.suggestion->model);
      g_free (label->label.suggestion);
    }
  g_free (label->folded);
  g_free (label);
}

void
cs_latent_list_load_labels (CsLatentList *self, CsStudy *study, const char *run_name)
{
  g_return_if_fail (CS_IS_LATENT_LIST (self));
  g_hash_table_remove_all (self->labels);
  for (size_t i = 0; i < self->n; i++)
    {
      const CsLabel *label = cs_study_label (study, run_name, i);

      if (label != NULL)
        g_hash_table_insert (self->labels, GSIZE_TO_POINTER (i), label_new (label));
    }
  if (self->sort_column == CS_LATENT_COLUMN_LABEL)
    cs_latent_list_resort (self);
  if (self->sort_column == CS_LATENT_COLUMN_LABEL || self->filter.bookmarked ||
      self->needle != NULL || self->filter.list != NULL)
    cs_latent_list_refilter (self);
  g_signal_emit (self, signals[SIGNAL_LABELS_CHANGED], 0);
}

size_t
cs_latent_list_n_latents (CsLatentList *self)
{
  g_return_val_if_fail (CS_IS_LATENT_LIST (self), 0);
  return self->n;
}

const CsLatentRow *
cs_latent_list_row (CsLatentList *self, size_t latent)
{
  g_return_val_if_fail (CS_IS_LATENT_LIST (self), NULL);
  return latent < self->n ? &self->rows[latent] : NULL;
}

const CsLabel *
cs_latent_list_label (CsLatentList *self, size_t latent)
{
  const CsListLabel *label;

  g_return_val_if_fail (CS_IS_LATENT_LIST (self), NULL);
  label = g_hash_table_lookup (self->labels, GSIZE_TO_POINTER (latent));
  return label != NULL ? &label->label : NULL;
}

/* --- Selection, by id --- */

gssize
cs_latent_list_selected (CsLatentList *self)
{
  g_return_val_if_fail (CS_IS_LATENT_LIST (self), -1);
  return self->selected;
}

gssize
cs_latent_list_position (CsLatentList *self, size_t latent)
{
  g_return_val_if_fail (CS_IS_LATENT_LIST (self), -1);
  if (latent >= self->n || self->position[latent] == G_MAXUINT32)
    return -1;
  return self->position[latent];
}

size_t
cs_latent_list_at (CsLatentList *self, guint position)
{
  g_return_val_if_fail (CS_IS_LATENT_LIST (self) && position < self->n_shown, 0);
  return self->shown[position];
}

static void
row_selection_changed (CsLatentList *self, gssize latent)
{
  gssize position = latent >= 0 ? cs_latent_list_position (self, (size_t)latent) : -1;

  if (position >= 0)
    gtk_selection_model_selection_changed (GTK_SELECTION_MODEL (self), (guint)position, 1);
}

void
cs_latent_list_select (CsLatentList *self, gssize latent)
{
  gssize before;

  g_return_if_fail (CS_IS_LATENT_LIST (self) && latent < (gssize)MAX (self->n, 1));
  before = self->selected;
  if (before == latent)
    return;
  self->selected = latent;
  row_selection_changed (self, before);
  row_selection_changed (self, latent);
  g_signal_emit (self, signals[SIGNAL_SELECTED_CHANGED], 0);
}

static gboolean
is_selected (GtkSelectionModel *model, guint position)
{
  CsLatentList *self = CS_LATENT_LIST (model);

  return position < self->n_shown && self->selected == (gssize)self->shown[position];
}

static GtkBitset *
selection_in_range (GtkSelectionModel *model, guint position, guint n)
{
  CsLatentList *self = CS_LATENT_LIST (model);
  GtkBitset *set = gtk_bitset_new_empty ();
  gssize at =
      self->selected >= 0 ? cs_latent_list_position (self, (size_t)self->selected) : -1;

  if (at >= 0)
    gtk_bitset_add (set, (guint)at);
  return set;
}

static gboolean
select_item (GtkSelectionModel *model, guint position, gboolean unselect_rest)
{
  CsLatentList *self = CS_LATENT_LIST (model);

  if (position < self->n_shown)
    cs_latent_list_select (self, self->shown[position]);
  return TRUE;
}

static void
selection_model_init (GtkSelectionModelInterface *iface)
{
  iface->is_selected = is_selected;
  iface->get_selection_in_range = selection_in_range;
  iface->select_item = select_item;
}

/* --- List --- */

static GType
item_type (GListModel *model)
{
  return CS_TYPE_LATENT_ITEM;
}

static guint
n_items (GListModel *model)
{
  return (guint)CS_LATENT_LIST (model)->n_shown;
}

static void *
get_item (GListModel *model, guint position)
{
  CsLatentList *self = CS_LATENT_LIST (model);
  CsLatentItem *item;

  if (position >= self->n_shown)
    return NULL;
  item = g_object_new (CS_TYPE_LATENT_ITEM, NULL);
  item->id = self->shown[position];
  return item;
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = item_type;
  iface->get_n_items = n_items;
  iface->get_item = get_item;
}

static void
cs_latent_list_finalize (GObject *object)
{
  CsLatentList *self = CS_LATENT_LIST (object);

  clear_rows (self);
  g_hash_table_unref (self->labels);
  g_free (self->filter.search);
  g_free (self->filter.list);
  g_free (self->needle);
  G_OBJECT_CLASS (cs_latent_list_parent_class)->finalize (object);
}

static void
cs_latent_list_class_init (CsLatentListClass *klass)
{
  const char *names[N_SIGNALS] = { "selected-changed", "labels-changed", "visible-changed",
                                 "firing-changed" };

  G_OBJECT_CLASS (klass)->finalize = cs_latent_list_finalize;
  for (size_t i = 0; i < N_SIGNALS; i++)
    signals[i] = g_signal_new (names[i], G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                               NULL, NULL, G_TYPE_NONE, 0);
}

static void
cs_latent_list_init (CsLatentList *self)
{
  self->labels = g_hash_table_new_full (NULL, NULL, NULL, label_free);
  self->filter = CS_LATENT_FILTER_DEFAULT;
  self->sort_column = CS_LATENT_COLUMN_DELTA_NORM;
  self->descending = true;
  self->selected = -1;
}

CsLatentList *
cs_latent_list_new (void)
{
  return g_object_new (CS_TYPE_LATENT_LIST, NULL);
}
