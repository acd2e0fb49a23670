#include "cached-models.h"

#include <glib/gi18n.h>

#include "model-cache.h"

/* A menu shows names with underscores as they are. */
static char *
menu_label (const char *name)
{
  g_auto (GStrv) parts = g_strsplit (name, "_", -1);

  return g_strjoinv ("__", parts);
}

static void
append_model (GMenu *menu, const CsCachedModel *cached, int model)
{
  g_autofree char *label = menu_label (cached->name);
  g_autoptr (GMenuItem) item = g_menu_item_new (label, NULL);

  g_menu_item_set_action_and_target (item, "pair.use", "(is)", model, cached->repository);
  g_menu_append_item (menu, item);
}

static void
fill_menu (GtkMenuButton *button, void *data)
{
  g_autoptr (GPtrArray) models = cs_model_cache_list ();
  g_autoptr (GMenu) menu = g_menu_new ();

  for (guint i = 0; i < models->len; i++)
    {
      const CsCachedModel *cached = g_ptr_array_index (models, i);

      if (cached->supported)
        append_model (menu, cached, GPOINTER_TO_INT (data));
    }
  if (g_menu_model_get_n_items (G_MENU_MODEL (menu)) == 0)
    g_menu_append (menu, _ ("The Hugging Face cache has no model that can be opened"), NULL);
  gtk_menu_button_set_menu_model (button, G_MENU_MODEL (menu));
}

GtkWidget *
cs_cached_models_button_new (int model)
{
  GtkWidget *button = gtk_menu_button_new ();
  const char *label =
      model == 0 ? _ ("Base Models on This Computer") : _ ("Chat Models on This Computer");

  gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (button), "drive-harddisk-symbolic");
  gtk_menu_button_set_create_popup_func (GTK_MENU_BUTTON (button), fill_menu,
                                         GINT_TO_POINTER (model), NULL);
  gtk_widget_set_tooltip_text (button, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                  -1);
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  return button;
}
