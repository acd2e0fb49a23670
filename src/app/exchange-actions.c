#include "exchange-actions.h"

#include <glib/gi18n.h>

#include "dialogs.h"
#include "exchange-job.h"
#include "feedback.h"

/* What was asked for before the file chooser opened. */
typedef struct
{
  CsExchange exchange;
  char *run_name, *first;
} Request;

static Request *
request_new (CsExchangeKind kind, const char *run_name)
{
  Request *request = g_new0 (Request, 1);

  request->run_name = g_strdup (run_name);
  request->exchange = (CsExchange) { .kind = kind, .run_name = request->run_name };
  return request;
}

static void
request_free (Request *request)
{
  g_free (request->run_name);
  g_free (request->first);
  g_free (request);
}

/* Takes the request. */
static void
chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  Request *request = data;

  request->exchange.path = path;
  if (path != NULL)
    cs_exchange_start (CS_PAGE (widget), &request->exchange);
  request_free (request);
}

/* --- In --- */

static void
import_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  if (cs_page_study (page) != NULL)
    cs_compat_choose (page, CS_CHOOSE_FILE, _ ("Import a Crosscoder"), _ ("_Import"), NULL, chosen_cb,
                      request_new (CS_EXCHANGE_IMPORT, NULL));
}

static void
import_folder_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  if (cs_page_study (page) != NULL)
    cs_compat_choose (page, CS_CHOOSE_FOLDER, _ ("Import a Crosscoder"), _ ("_Import"), NULL, chosen_cb,
                      request_new (CS_EXCHANGE_IMPORT, NULL));
}

static void
second_cache_cb (GtkWidget *widget, const char *path, void *data)
{
  Request *request = data;

  request->exchange.path = request->first;
  request->exchange.second = path;
  if (path != NULL)
    cs_exchange_start (CS_PAGE (widget), &request->exchange);
  request_free (request);
}

static void
first_cache_cb (GtkWidget *widget, const char *path, void *data)
{
  Request *request;

  if (path == NULL)
    return;
  request = request_new (CS_EXCHANGE_IMPORT_CACHES, NULL);
  request->first = g_strdup (path);
  cs_compat_choose (widget, CS_CHOOSE_FOLDER, _ ("Choose the Chat Model's Activation Cache"), _ ("_Import"), NULL,
                    second_cache_cb, request);
}

static bool
has_store (CsStudy *study)
{
  g_autofree char *store = cs_study_store_path (study);

  return g_file_test (store, G_FILE_TEST_EXISTS);
}

static void
tell (void *page, const char *what)
{
  cs_feedback_toast (page, what);
}

static void
import_caches_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  CsStudy *study = cs_page_study (page);

  if (study != NULL && has_store (study))
    tell (page, _ ("This study has activations already: import those of others into a new study"));
  else if (study != NULL)
    cs_compat_choose (page, CS_CHOOSE_FOLDER, _ ("Choose the Base Model's Activation Cache"), _ ("_Next"), NULL,
                      first_cache_cb, NULL);
}

static void
attach_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  cs_compat_choose (page, CS_CHOOSE_FILE, _ ("Attach a Table or Examples"), _ ("_Attach"), NULL, chosen_cb,
                    request_new (CS_EXCHANGE_ATTACH, g_variant_get_string (parameter, NULL)));
}

static void
calibrate_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  CsStudy *study = cs_page_study (page);
  const CsExchange exchange = { .kind = CS_EXCHANGE_CALIBRATE, .run_name = g_variant_get_string (parameter, NULL) };

  if (study != NULL && !has_store (study))
    tell (page, _ ("A threshold is calibrated on activations: harvest some first, on the Activations page"));
  else if (study != NULL)
    cs_exchange_start (page, &exchange);
}

/* --- Out --- */

static void
export_hub_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  cs_compat_choose (page, CS_CHOOSE_FOLDER, _ ("Export for dictionary_learning"), _ ("_Export"), NULL, chosen_cb,
                    request_new (CS_EXCHANGE_HUB, g_variant_get_string (parameter, NULL)));
}

static void
export_csv_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  cs_compat_choose (page, CS_CHOOSE_SAVE, _ ("Export All Latents"), _ ("_Export"), "feature_df.csv", chosen_cb,
                    request_new (CS_EXCHANGE_CSV, g_variant_get_string (parameter, NULL)));
}

static void
export_neuronpedia_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  cs_compat_choose (page, CS_CHOOSE_SAVE, _ ("Export for Neuronpedia"), _ ("_Export"), "neuronpedia.json", chosen_cb,
                    request_new (CS_EXCHANGE_NEURONPEDIA, g_variant_get_string (parameter, NULL)));
}

/* ("run", latent, model) */
static void
export_vector_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  g_autofree char *suggested = NULL;
  const char *run_name;
  guint latent, model;
  Request *request;

  g_variant_get (parameter, "(&suu)", &run_name, &latent, &model);
  suggested = g_strdup_printf ("latent-%u-%s.gguf", latent, model == 0 ? "base" : "chat");
  request = request_new (CS_EXCHANGE_VECTOR, run_name);
  request->exchange.latent = latent;
  request->exchange.model = model;
  cs_compat_choose (page, CS_CHOOSE_SAVE, _ ("Save the Control Vector"), _ ("_Save"), suggested, chosen_cb, request);
}

static void
export_store_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  CsStudy *study = cs_page_study (page);

  if (study != NULL && !has_store (study))
    tell (page, _ ("There are no activations yet: harvest some first"));
  else if (study != NULL)
    cs_compat_choose (page, CS_CHOOSE_FOLDER, _ ("Export Activations"), _ ("_Export"), NULL, chosen_cb,
                      request_new (CS_EXCHANGE_EXPORT_STORE, NULL));
}

void
cs_exchange_actions_add (GActionMap *map, CsTrainingPage *page)
{
  static const struct
  {
    const char *name;
    void (*activate) (GSimpleAction *action, GVariant *parameter, void *page);
    const char *type;
  } entries[] = {
    { "import", import_action, NULL },
    { "import-folder", import_folder_action, NULL },
    { "import-caches", import_caches_action, NULL },
    { "export-store", export_store_action, NULL },
    { "attach", attach_action, "s" },
    { "calibrate", calibrate_action, "s" },
    { "export-hub", export_hub_action, "s" },
    { "export-csv", export_csv_action, "s" },
    { "export-neuronpedia", export_neuronpedia_action, "s" },
    { "export-vector", export_vector_action, "(suu)" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      g_autoptr (GSimpleAction) action =
        g_simple_action_new (entries[i].name, entries[i].type != NULL ? G_VARIANT_TYPE (entries[i].type) : NULL);

      g_signal_connect_object (action, "activate", G_CALLBACK (entries[i].activate), page, 0);
      g_action_map_add_action (map, G_ACTION (action));
    }
}

GMenuModel *
cs_exchange_import_menu (void)
{
  GMenu *menu = g_menu_new ();

  g_menu_append (menu, _ ("Import a Crosscoder _File…"), "training.import");
  g_menu_append (menu, _ ("Import a Crosscoder F_older…"), "training.import-folder");
  return G_MENU_MODEL (menu);
}

GtkWidget *
cs_exchange_store_button (void)
{
  GtkWidget *button = gtk_menu_button_new ();
  g_autoptr (GMenu) menu = g_menu_new ();

  g_menu_append (menu, _ ("_Import Activation Caches…"), "training.import-caches");
  g_menu_append (menu, _ ("_Export as Activation Caches…"), "training.export-store");
  gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (button), "document-send-symbolic");
  gtk_menu_button_set_menu_model (GTK_MENU_BUTTON (button), G_MENU_MODEL (menu));
  gtk_widget_set_tooltip_text (button, _ ("Import and Export"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, _ ("Import and export"), -1);
  return button;
}
