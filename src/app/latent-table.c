#include "latent-table.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "app-settings.h"
#include "latent-shares.h"
#include "latent-words.h"

#define SHARE_WIDTH 92
#define COLUMNS_KEY "latent-columns"

/* Which column is sorted by: see find_primary(). */
typedef struct
{
  CsLatentTable *table;
  CsLatentColumn column;
} ColumnData;

struct _CsLatentTable
{
  GtkWidget parent;
  GtkWidget *scrolled;
  GtkColumnView *view;
  CsLatentList *list;
  GtkColumnViewColumn *columns[CS_LATENT_N_COLUMNS];
  ColumnData data[CS_LATENT_N_COLUMNS];
  int probed; /* column whose sorter was asked first; −1 = none */
  gulong sorter_handler;
  GSettings *settings; /* NULL where they are not installed */
  bool arranging;      /* columns are shown and hidden here, not by the user */
};

G_DEFINE_FINAL_TYPE (CsLatentTable, cs_latent_table, GTK_TYPE_WIDGET)

enum
{
  SIGNAL_ROW_ACTIVATED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

/* --- Sorting ---
 *
 * The list sorts itself. The headers only say by what: the columns' sorters compare nothing, they note which of them the
 * view's sorter asks first, and in which direction it turns their answer. */

static int
note_column (const void *a, const void *b, void *data)
{
  ColumnData *column = data;

  if (column->table->probed < 0)
    column->table->probed = (int)column->column;
  return GTK_ORDERING_SMALLER;
}

static void
sorter_changed_cb (CsLatentTable *self)
{
  g_autoptr (CsLatentItem) a = g_object_new (CS_TYPE_LATENT_ITEM, NULL);
  g_autoptr (CsLatentItem) b = g_object_new (CS_TYPE_LATENT_ITEM, NULL);
  GtkOrdering order;

  if (self->list == NULL)
    return;
  self->probed = -1;
  order = gtk_sorter_compare (gtk_column_view_get_sorter (self->view), a, b);
  if (self->probed >= 0)
    cs_latent_list_sort (self->list, (CsLatentColumn)self->probed, order == GTK_ORDERING_LARGER);
}

void
cs_latent_table_sort (CsLatentTable *self, CsLatentColumn column, bool descending)
{
  g_return_if_fail (CS_IS_LATENT_TABLE (self) && column < CS_LATENT_N_COLUMNS);
  gtk_column_view_sort_by_column (self->view, self->columns[column],
                                  descending ? GTK_SORT_DESCENDING : GTK_SORT_ASCENDING);
}

/* --- Cells --- */

static bool
is_number (CsLatentColumn column)
{
  return column != CS_LATENT_COLUMN_CLASS && column != CS_LATENT_COLUMN_VERDICT &&
         column != CS_LATENT_COLUMN_LABEL;
}

static void
setup_text (GtkSignalListItemFactory *factory, GtkListItem *item, ColumnData *data)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), is_number (data->column) ? 1 : 0);
  gtk_label_set_single_line_mode (GTK_LABEL (label), TRUE);
  if (is_number (data->column))
    gtk_widget_add_css_class (label, "numeric");
  gtk_list_item_set_child (item, label);
}

static const CsLatentRow *
row_of (CsLatentTable *self, GtkListItem *item, size_t *latent)
{
  *latent = cs_latent_item_id (CS_LATENT_ITEM (gtk_list_item_get_item (item)));
  return self->list != NULL ? cs_latent_list_row (self->list, *latent) : NULL;
}

static void
bind_text (GtkSignalListItemFactory *factory, GtkListItem *item, ColumnData *data)
{
  GtkWidget *label = gtk_list_item_get_child (item);
  size_t latent;
  const CsLatentRow *row = row_of (data->table, item, &latent);
  g_autofree char *text = row == NULL ? NULL
                          : data->column == CS_LATENT_COLUMN_FIRING
                              ? cs_latent_number (cs_latent_list_firing (data->table->list, latent))
                              : cs_latent_column_text (row, data->column);
  bool dim = data->column == CS_LATENT_COLUMN_COUNT_ACTIVE && row != NULL &&
             row->count_active < CS_LATENT_FEW_TOKENS;

  gtk_label_set_text (GTK_LABEL (label), text);
  if (dim)
    gtk_widget_add_css_class (label, "warning");
  else
    gtk_widget_remove_css_class (label, "warning");
}

static void
setup_class (GtkSignalListItemFactory *factory, GtkListItem *item, ColumnData *data)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *dot = gtk_label_new ("●");

  gtk_box_append (GTK_BOX (box), dot);
  gtk_box_append (GTK_BOX (box), gtk_label_new (NULL));
  gtk_list_item_set_child (item, box);
}

static void
bind_class (GtkSignalListItemFactory *factory, GtkListItem *item, ColumnData *data)
{
  GtkWidget *dot = gtk_widget_get_first_child (gtk_list_item_get_child (item));
  size_t latent;
  const CsLatentRow *row = row_of (data->table, item, &latent);
  CsPlotClass klass;

  if (row == NULL)
    return;
  klass = cs_latent_plot_class (row);
  /* Beside the class is its bin; that it is chat-specific is the next column's to say. */
  if (klass == CS_PLOT_CLASS_CHAT_SPECIFIC && row->tag == CS_LATENT_CHAT_ONLY)
    klass = CS_PLOT_CLASS_CHAT_ONLY;
  cs_latent_color_label (GTK_LABEL (dot), row->dead ? CS_PLOT_CLASS_OTHER : klass);
  gtk_label_set_text (GTK_LABEL (gtk_widget_get_next_sibling (dot)), cs_latent_class_word (row));
}

static void
bind_verdict (GtkSignalListItemFactory *factory, GtkListItem *item, ColumnData *data)
{
  GtkWidget *label = gtk_list_item_get_child (item);
  size_t latent;
  const CsLatentRow *row = row_of (data->table, item, &latent);
  const char *heading[] = { "heading", NULL }, *none[] = { NULL }, *dim[] = { "dim-label", NULL };

  if (row == NULL)
    return;
  gtk_label_set_text (GTK_LABEL (label), cs_latent_verdict_word (row));
  gtk_widget_set_css_classes (label, !row->tested ? dim : row->chat_specific ? heading : none);
  if (row->tested && row->chat_specific)
    cs_latent_color_label (GTK_LABEL (label), CS_PLOT_CLASS_CHAT_SPECIFIC);
  else
    gtk_label_set_attributes (GTK_LABEL (label), NULL);
}

static void
setup_label (GtkSignalListItemFactory *factory, GtkListItem *item, ColumnData *data)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *star = gtk_image_new_from_icon_name ("starred-symbolic");
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (star), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Bookmarked"), -1);
  gtk_box_append (GTK_BOX (box), star);
  gtk_box_append (GTK_BOX (box), label);
  gtk_list_item_set_child (item, box);
}

static void
show_label (CsLatentTable *self, GtkListItem *item)
{
  GtkWidget *star = gtk_widget_get_first_child (gtk_list_item_get_child (item));
  size_t latent;
  const CsLatentRow *row = row_of (self, item, &latent);
  const CsLabel *label = row != NULL ? cs_latent_list_label (self->list, latent) : NULL;
  const char *text = label == NULL        ? ""
                     : label->name != NULL ? label->name
                     : label->note != NULL ? label->note
                     : label->suggestion != NULL ? label->suggestion->text
                                                 : "";

  gtk_widget_set_visible (star, label != NULL && label->bookmarked);
  gtk_label_set_text (GTK_LABEL (gtk_widget_get_next_sibling (star)), text);
  if (label != NULL && label->name == NULL && label->note == NULL)
    gtk_widget_add_css_class (gtk_widget_get_next_sibling (star), "dim-label"); /* not the user's words */
  else
    gtk_widget_remove_css_class (gtk_widget_get_next_sibling (star), "dim-label");
}

static void
labels_changed_cb (CsLatentList *list, GtkListItem *item)
{
  if (gtk_list_item_get_item (item) != NULL)
    show_label (g_object_get_data (G_OBJECT (item), "table"), item);
}

static void
bind_label (GtkSignalListItemFactory *factory, GtkListItem *item, ColumnData *data)
{
  g_object_set_data (G_OBJECT (item), "table", data->table);
  show_label (data->table, item);
  g_signal_connect_object (data->table->list, "labels-changed", G_CALLBACK (labels_changed_cb),
                           item, 0);
}

static void
unbind_label (GtkSignalListItemFactory *factory, GtkListItem *item, ColumnData *data)
{
  if (data->table->list != NULL)
    g_signal_handlers_disconnect_by_func (data->table->list, labels_changed_cb, item);
}

static GtkListItemFactory *
factory_for (ColumnData *data)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
  GCallback setup = G_CALLBACK (setup_text), bind = G_CALLBACK (bind_text);

  if (data->column == CS_LATENT_COLUMN_CLASS)
    setup = G_CALLBACK (setup_class), bind = G_CALLBACK (bind_class);
  else if (data->column == CS_LATENT_COLUMN_VERDICT)
    bind = G_CALLBACK (bind_verdict);
  else if (data->column == CS_LATENT_COLUMN_LABEL)
    {
      setup = G_CALLBACK (setup_label), bind = G_CALLBACK (bind_label);
      g_signal_connect (factory, "unbind", G_CALLBACK (unbind_label), data);
    }
  g_signal_connect (factory, "setup", setup, data);
  g_signal_connect (factory, "bind", bind, data);
  return factory;
}

/* --- Which columns --- */

static bool
is_usual (CsLatentColumn column)
{
  return column != CS_LATENT_COLUMN_FIRING && !cs_latent_column_is_share (column);
}

/* Not the column that comes and goes with a text that is searched by. */
static void
column_shown_cb (CsLatentTable *self)
{
  const char *shown[CS_LATENT_N_COLUMNS + 1] = { NULL };
  size_t n = 0;

  if (self->arranging || self->settings == NULL)
    return;
  for (CsLatentColumn c = 0; c < CS_LATENT_N_COLUMNS; c++)
    if (c != CS_LATENT_COLUMN_FIRING && gtk_column_view_column_get_visible (self->columns[c]))
      shown[n++] = cs_latent_column_key (c);
  g_settings_set_strv (self->settings, COLUMNS_KEY, shown);
}

/* shown: their keys; NULL for the usual ones. */
static void
arrange (CsLatentTable *self, const char *const *shown)
{
  self->arranging = true;
  for (CsLatentColumn c = 0; c < CS_LATENT_N_COLUMNS; c++)
    if (c != CS_LATENT_COLUMN_FIRING && c != CS_LATENT_COLUMN_ID)
      gtk_column_view_column_set_visible (
          self->columns[c],
          shown != NULL ? g_strv_contains (shown, cs_latent_column_key (c)) : is_usual (c));
  self->arranging = false;
}

void
cs_latent_table_reset_columns (CsLatentTable *self)
{
  g_return_if_fail (CS_IS_LATENT_TABLE (self));
  arrange (self, NULL);
  if (self->settings != NULL)
    g_settings_reset (self->settings, COLUMNS_KEY);
}

GtkColumnViewColumn *
cs_latent_table_column (CsLatentTable *self, CsLatentColumn column)
{
  g_return_val_if_fail (CS_IS_LATENT_TABLE (self) && column < CS_LATENT_N_COLUMNS, NULL);
  return self->columns[column];
}

/* None are kept before the user has chosen some. */
static void
load_columns (CsLatentTable *self)
{
  g_auto (GStrv) shown = NULL;

  if ((self->settings = cs_app_settings_new (COLUMNS_KEY)) == NULL)
    return;
  shown = g_settings_get_strv (self->settings, COLUMNS_KEY);
  if (shown[0] != NULL)
    arrange (self, (const char *const *)shown);
}

static void
add_column (CsLatentTable *self, CsLatentColumn c)
{
  /* Wide enough that the columns do not change while one scrolls. */
  static const int widths[CS_LATENT_N_COLUMNS] = {
    [CS_LATENT_COLUMN_ID] = 76,
    [CS_LATENT_COLUMN_CLASS] = 116,
    [CS_LATENT_COLUMN_DELTA_NORM] = 84,
    [CS_LATENT_COLUMN_NU_ERROR] = 70,
    [CS_LATENT_COLUMN_NU_RECONSTRUCTION] = 70,
    [CS_LATENT_COLUMN_VERDICT] = 150,
    [CS_LATENT_COLUMN_COSINE] = 80,
    [CS_LATENT_COLUMN_DENSITY] = 86,
    [CS_LATENT_COLUMN_MAX_ACT] = 70,
    [CS_LATENT_COLUMN_COUNT_ACTIVE] = 84,
    [CS_LATENT_COLUMN_TEMPLATE_SHARE] = 94,
    [CS_LATENT_COLUMN_LABEL] = 160,
    [CS_LATENT_COLUMN_FIRING] = 124,
  };
  ColumnData *data = &self->data[c];
  g_autoptr (GtkSorter) sorter = NULL;

  *data = (ColumnData){ self, c };
  self->columns[c] =
      gtk_column_view_column_new (cs_latent_column_title (c), factory_for (data));
  sorter = GTK_SORTER (gtk_custom_sorter_new (note_column, data, NULL));
  gtk_column_view_column_set_sorter (self->columns[c], sorter);
  gtk_column_view_column_set_resizable (self->columns[c], TRUE);
  gtk_column_view_column_set_fixed_width (self->columns[c], widths[c] > 0 ? widths[c] : SHARE_WIDTH);
  gtk_column_view_column_set_expand (self->columns[c], c == CS_LATENT_COLUMN_LABEL);
  /* Beside the latent's number, while a text is searched by. */
  if (c == CS_LATENT_COLUMN_FIRING)
    gtk_column_view_insert_column (self->view, 1, self->columns[c]);
  else
    gtk_column_view_append_column (self->view, self->columns[c]);
  gtk_column_view_column_set_visible (self->columns[c], is_usual (c));
  g_signal_connect_object (self->columns[c], "notify::visible", G_CALLBACK (column_shown_cb), self,
                           G_CONNECT_SWAPPED);
}

/* --- The rest --- */

static void
firing_changed_cb (CsLatentTable *self)
{
  GtkColumnViewColumn *column = self->columns[CS_LATENT_COLUMN_FIRING];
  bool on = cs_latent_list_has_firing (self->list), was = gtk_column_view_column_get_visible (column);

  gtk_column_view_column_set_visible (column, on);
  if (on != was)
    cs_latent_table_sort (self, on ? CS_LATENT_COLUMN_FIRING : CS_LATENT_COLUMN_DELTA_NORM, true);
}

static void
activate_cb (CsLatentTable *self, guint position)
{
  g_signal_emit (self, signals[SIGNAL_ROW_ACTIVATED], 0,
                 (guint)cs_latent_list_at (self->list, position));
}

void
cs_latent_table_set_list (CsLatentTable *self, CsLatentList *list)
{
  g_return_if_fail (CS_IS_LATENT_TABLE (self));
  gtk_column_view_set_model (self->view, list != NULL ? GTK_SELECTION_MODEL (list) : NULL);
  if (self->list != NULL)
    g_signal_handlers_disconnect_by_func (self->list, firing_changed_cb, self);
  g_set_object (&self->list, list);
  if (list != NULL)
    g_signal_connect_object (list, "firing-changed", G_CALLBACK (firing_changed_cb), self,
                             G_CONNECT_SWAPPED);
  cs_latent_table_sort (self, CS_LATENT_COLUMN_DELTA_NORM, true);
}

void
cs_latent_table_set_single_click (CsLatentTable *self, bool single_click)
{
  g_return_if_fail (CS_IS_LATENT_TABLE (self));
  gtk_column_view_set_single_click_activate (self->view, single_click);
}

void
cs_latent_table_scroll_to (CsLatentTable *self, size_t latent)
{
  gssize position;

  g_return_if_fail (CS_IS_LATENT_TABLE (self));
  position = self->list != NULL ? cs_latent_list_position (self->list, latent) : -1;
  /* The list view with the rows is the last child. */
  if (position >= 0)
    gtk_widget_activate_action (gtk_widget_get_last_child (GTK_WIDGET (self->view)),
                                "list.scroll-to-item", "u", (guint)position);
}

/* Colours of the classes are not the style sheet's: rows are bound anew. */
static void
dark_changed_cb (CsLatentTable *self)
{
  if (self->list == NULL)
    return;
  gtk_column_view_set_model (self->view, NULL);
  gtk_column_view_set_model (self->view, GTK_SELECTION_MODEL (self->list));
}

static void
cs_latent_table_dispose (GObject *object)
{
  CsLatentTable *self = CS_LATENT_TABLE (object);

  if (self->view != NULL)
    {
      g_clear_signal_handler (&self->sorter_handler, gtk_column_view_get_sorter (self->view));
      gtk_column_view_set_model (self->view, NULL);
    }
  self->view = NULL;
  g_clear_pointer (&self->scrolled, gtk_widget_unparent);
  g_clear_object (&self->list);
  g_clear_object (&self->settings);
  G_OBJECT_CLASS (cs_latent_table_parent_class)->dispose (object);
}

static void
cs_latent_table_class_init (CsLatentTableClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_latent_table_dispose;
  signals[SIGNAL_ROW_ACTIVATED] =
      g_signal_new ("row-activated", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                    NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
}

static void
cs_latent_table_init (CsLatentTable *self)
{
  self->scrolled = gtk_scrolled_window_new ();
  self->view = GTK_COLUMN_VIEW (gtk_column_view_new (NULL));
  gtk_widget_add_css_class (GTK_WIDGET (self->view), "data-table");
  gtk_column_view_set_show_row_separators (self->view, FALSE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->view), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Latents"), -1);
  for (CsLatentColumn c = 0; c < CS_LATENT_N_COLUMNS; c++)
    add_column (self, c);
  load_columns (self);
  self->sorter_handler =
      g_signal_connect_swapped (gtk_column_view_get_sorter (self->view), "changed",
                                G_CALLBACK (sorter_changed_cb), self);
  g_signal_connect_object (adw_style_manager_get_default (), "notify::dark",
                           G_CALLBACK (dark_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_swapped (self->view, "activate", G_CALLBACK (activate_cb), self);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (self->scrolled), GTK_WIDGET (self->view));
  gtk_widget_set_parent (self->scrolled, GTK_WIDGET (self));
}
