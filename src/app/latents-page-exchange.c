/* What the Latents page takes in and gives out: a menu above its table, for the run that is shown and the latent that is
 * selected, with actions of its own ("exchange"). */
#include <glib/gi18n.h>

#include "exchange-actions.h"
#include "exchange.h"
#include "latents-page-private.h"

const char *
cs_latents_page_run_name (CsLatentsPage *page)
{
  g_return_val_if_fail (CS_IS_LATENTS_PAGE (page), NULL);
  return page->shown_run != NULL ? cs_run_name (page->shown_run) : NULL;
}

/* "exchange.export-hub" is "training.export-hub" with the run's name. */
static void
of_run_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  const char *run = cs_latents_page_run_name (page);
  g_autofree char *name = g_strconcat ("training.", g_action_get_name (G_ACTION (action)), NULL);

  if (run != NULL)
    gtk_widget_activate_action (page, name, "s", run);
}

static void
table_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  gtk_widget_activate_action (page, "latents.export", NULL);
}

/* The parameter is the model: 0 = base, 1 = chat. */
static void
vector_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  const char *run = cs_latents_page_run_name (page);
  gssize latent = cs_latent_list_selected (CS_LATENTS_PAGE (page)->list);

  if (run != NULL && latent >= 0)
    gtk_widget_activate_action (page, "training.export-vector", "(suu)", run, (guint) latent,
                                (guint) g_variant_get_int32 (parameter));
}

static const struct
{
  const char *name;
  void (*activate) (GSimpleAction *action, GVariant *parameter, void *page);
  const char *type;
} entries[] = {
  { "attach", of_run_action, NULL },
  { "calibrate", of_run_action, NULL },
  { "export-hub", of_run_action, NULL },
  { "export-csv", of_run_action, NULL },
  { "export-neuronpedia", of_run_action, NULL },
  { "export-table", table_action, NULL },
  { "export-vector", vector_action, "i" },
};

void
cs_latents_page_update_exchange (CsLatentsPage *self)
{
  const char *folder = self->shown_run != NULL ? cs_run_folder (self->shown_run) : NULL;
  const bool unset = folder != NULL && cs_run_is_imported (folder) && cs_run_needs_threshold (folder);

  for (size_t i = 0; i < G_N_ELEMENTS (entries) && self->exchange != NULL; i++)
    {
      GAction *action = g_action_map_lookup_action (self->exchange, entries[i].name);

      g_simple_action_set_enabled (G_SIMPLE_ACTION (action),
                                   g_str_equal (entries[i].name, "calibrate") ? unset : folder != NULL);
    }
}

static GMenuModel *
export_menu (void)
{
  GMenu *menu = g_menu_new ();

  g_menu_append (menu, _ ("The _Table as Shown, as CSV…"), "exchange.export-table");
  g_menu_append (menu, _ ("_All Latents as CSV…"), "exchange.export-csv");
  g_menu_append (menu, _ ("For _Neuronpedia…"), "exchange.export-neuronpedia");
  g_menu_append (menu, _ ("For _dictionary__learning…"), "exchange.export-hub");
  g_menu_append (menu, _ ("This Latent as a _Control Vector (Chat)…"), "exchange.export-vector(1)");
  g_menu_append (menu, _ ("This Latent as a Control Vector (_Base)…"), "exchange.export-vector(0)");
  return G_MENU_MODEL (menu);
}

static GMenuModel *
whole_menu (void)
{
  GMenu *menu = g_menu_new ();
  g_autoptr (GMenu) run = g_menu_new ();
  g_autoptr (GMenuModel) import = cs_exchange_import_menu (), export = export_menu ();

  g_menu_append (run, _ ("A_ttach a Table or Examples…"), "exchange.attach");
  g_menu_append (run, _ ("Calibrate Its Thres_hold"), "exchange.calibrate");
  g_menu_append_section (menu, NULL, import);
  g_menu_append_section (menu, NULL, G_MENU_MODEL (run));
  g_menu_append_section (menu, _ ("Export"), export);
  return G_MENU_MODEL (menu);
}

void
cs_latents_page_add_exchange (CsLatentsPage *self)
{
  g_autoptr (GMenuModel) menu = whole_menu ();
  g_autoptr (GSimpleActionGroup) group = g_simple_action_group_new ();

  for (size_t i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      g_autoptr (GSimpleAction) action =
        g_simple_action_new (entries[i].name, entries[i].type != NULL ? G_VARIANT_TYPE (entries[i].type) : NULL);

      g_signal_connect_object (action, "activate", G_CALLBACK (entries[i].activate), self, 0);
      g_action_map_add_action (G_ACTION_MAP (group), G_ACTION (action));
    }
  self->exchange = G_ACTION_MAP (g_object_ref (group));
  gtk_widget_insert_action_group (GTK_WIDGET (self->exchange_button), "exchange", G_ACTION_GROUP (group));
  gtk_menu_button_set_menu_model (self->exchange_button, menu);
}
