#include "latent-columns.h"

#include <glib/gi18n.h>

#include "latent-words.h"

struct _CsLatentColumns
{
  GtkWidget parent;
  GtkWidget *button;
  GtkWidget *box; /* of check buttons */
  CsLatentTable *table;
};

G_DEFINE_FINAL_TYPE (CsLatentColumns, cs_latent_columns, GTK_TYPE_WIDGET)

enum
{
  PROP_TABLE = 1,
  N_PROPS
};
static GParamSpec *properties[N_PROPS];

static void
reset_cb (CsLatentColumns *self)
{
  if (self->table != NULL)
    cs_latent_table_reset_columns (self->table);
}

static void
add_check (CsLatentColumns *self, CsLatentColumn column)
{
  GtkWidget *check = gtk_check_button_new_with_label (cs_latent_column_title (column));

  gtk_widget_set_tooltip_text (check, cs_latent_column_meaning (column));
  g_object_bind_property (cs_latent_table_column (self->table, column), "visible", check, "active",
                          G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL);
  gtk_box_append (GTK_BOX (self->box), check);
}

/* The number of a latent is always there, and what a text is searched by comes and goes by itself.
 */
static void
fill (CsLatentColumns *self)
{
  GtkWidget *reset = gtk_button_new_with_mnemonic (_ ("_Reset")), *child;

  while ((child = gtk_widget_get_first_child (self->box)) != NULL)
    gtk_box_remove (GTK_BOX (self->box), child);
  if (self->table == NULL)
    return;
  for (CsLatentColumn c = 0; c < CS_LATENT_N_COLUMNS; c++)
    if (c != CS_LATENT_COLUMN_ID && c != CS_LATENT_COLUMN_FIRING)
      add_check (self, c);
  gtk_widget_set_margin_top (reset, 6);
  g_signal_connect_object (reset, "clicked", G_CALLBACK (reset_cb), self, G_CONNECT_SWAPPED);
  gtk_box_append (GTK_BOX (self->box), reset);
}

static void
cs_latent_columns_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  if (id == PROP_TABLE)
    g_value_set_object (value, CS_LATENT_COLUMNS (object)->table);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
}

static void
cs_latent_columns_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  CsLatentColumns *self = CS_LATENT_COLUMNS (object);

  if (id != PROP_TABLE)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  else if (g_set_object (&self->table, g_value_get_object (value)))
    {
      fill (self);
      g_object_notify_by_pspec (object, spec);
    }
}

static void
cs_latent_columns_dispose (GObject *object)
{
  CsLatentColumns *self = CS_LATENT_COLUMNS (object);

  g_clear_pointer (&self->button, gtk_widget_unparent);
  g_clear_object (&self->table);
  G_OBJECT_CLASS (cs_latent_columns_parent_class)->dispose (object);
}

static void
cs_latent_columns_class_init (CsLatentColumnsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = cs_latent_columns_dispose;
  object_class->get_property = cs_latent_columns_get_property;
  object_class->set_property = cs_latent_columns_set_property;
  properties[PROP_TABLE] =
      g_param_spec_object ("table", NULL, NULL, CS_TYPE_LATENT_TABLE,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static void
cs_latent_columns_init (CsLatentColumns *self)
{
  GtkWidget *popover = gtk_popover_new (), *scroll = gtk_scrolled_window_new ();

  self->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroll), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_propagate_natural_height (GTK_SCROLLED_WINDOW (scroll), true);
  gtk_scrolled_window_set_max_content_height (GTK_SCROLLED_WINDOW (scroll), 420);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroll), self->box);
  gtk_popover_set_child (GTK_POPOVER (popover), scroll);
  self->button = gtk_menu_button_new ();
  gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (self->button), "view-dual-symbolic");
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (self->button), popover);
  gtk_widget_add_css_class (self->button, "flat");
  gtk_widget_set_tooltip_text (self->button, _ ("Columns"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Columns of the table"), -1);
  gtk_widget_set_parent (self->button, GTK_WIDGET (self));
}
