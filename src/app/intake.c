#include "intake.h"

#include <glib/gi18n.h>

#include "corpus-rows.h"
#include "dialogs.h"
#include "errors.h"
#include "exchange-actions.h"
#include "exchange-job.h"
#include "exchange.h"
#include "feedback.h"
#include "file-kind.h"
#include "intake-study.h"
#include "latents-page.h"

/* What one of the files is. */
typedef struct
{
  char *path;
  CsFileKind kind;
  bool is_chat;     /* a model with a chat template */
  char *problem;    /* of what is unknown */
} Item;

static void
item_free (void *data)
{
  Item *item = data;

  g_free (item->path);
  g_free (item->problem);
  g_free (item);
}

static CsPage *
page_of (CsWindow *window)
{
  return cs_window_page (window, "training"); /* any will do: it has the study and is in the window */
}

static void
tell (CsWindow *window, const char *text)
{
  cs_feedback_toast (GTK_WIDGET (page_of (window)), text);
}

/* --- By kind --- */

static void
take_models (CsWindow *window, GPtrArray *items)
{
  CsStudy *study = cs_window_study (window);
  bool taken[2] = { false, false };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < items->len; i++)
    {
      const Item *item = g_ptr_array_index (items, i);
      int model = item->is_chat ? 1 : 0;
      g_autofree char *name = NULL, *text = NULL;

      if (item->kind != CS_FILE_MODEL)
        continue;
      if (taken[model])
        model = 1 - model;
      if (taken[model])
        {
          tell (window, _ ("A pair has two models: the others were left out"));
          break;
        }
      taken[model] = true;
      if (!cs_study_set_model_folder (study, model, item->path, &error))
        {
          cs_feedback_error (GTK_WIDGET (page_of (window)), &error);
          return;
        }
      name = g_path_get_basename (item->path);
      text = g_strdup_printf (model == 0 ? _ ("%s is the base model now") : _ ("%s is the chat model now"), name);
      tell (window, text);
    }
  if (taken[0] || taken[1])
    cs_window_show_page (window, "pair");
}

static void
take_corpora (CsWindow *window, GPtrArray *items)
{
  g_autoptr (GError) error = NULL;
  bool any = false;

  for (guint i = 0; i < items->len; i++)
    {
      const Item *item = g_ptr_array_index (items, i);

      if (item->kind != CS_FILE_CORPUS)
        continue;
      any = true;
      if (!cs_corpora_insert (cs_window_study (window), G_MAXUINT, item->path, &error))
        cs_feedback_error (GTK_WIDGET (page_of (window)), &error);
      g_clear_error (&error);
    }
  if (any)
    cs_window_show_page (window, "activations");
}

static void
take_crosscoders (CsWindow *window, GPtrArray *items)
{
  for (guint i = 0; i < items->len; i++)
    {
      const Item *item = g_ptr_array_index (items, i);
      const CsExchange exchange = { .kind = CS_EXCHANGE_IMPORT, .path = item->path };

      if (item->kind == CS_FILE_CROSSCODER && !cs_intake_holds (cs_window_study (window), item->path))
        cs_exchange_start (page_of (window), &exchange);
      else if (item->kind == CS_FILE_CROSSCODER)
        cs_window_show_page (window, "latents");
    }
}

/* To the run that is looked at, else to the only one that was imported. */
static char *
run_to_attach_to (CsWindow *window)
{
  GListModel *runs = cs_study_runs (cs_window_study (window));
  const char *shown = cs_latents_page_run_name (CS_LATENTS_PAGE (cs_window_page (window, "latents")));

  if (shown != NULL)
    return g_strdup (shown);
  for (guint i = 0; i < g_list_model_get_n_items (runs); i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (runs, i);

      if (cs_run_is_imported (cs_run_folder (run)))
        return g_strdup (cs_run_name (run));
    }
  return NULL;
}

static void
take_tables (CsWindow *window, GPtrArray *items)
{
  for (guint i = 0; i < items->len; i++)
    {
      const Item *item = g_ptr_array_index (items, i);
      g_autofree char *run = NULL;
      CsExchange exchange = { .kind = CS_EXCHANGE_ATTACH, .path = item->path };

      if (item->kind != CS_FILE_TABLE && item->kind != CS_FILE_EXAMPLES)
        continue;
      run = cs_window_study (window) != NULL ? run_to_attach_to (window) : NULL;
      exchange.run_name = run;
      if (run != NULL)
        cs_exchange_start (page_of (window), &exchange);
      else
        tell (window, _ ("A table or examples belong to a crosscoder: open that first"));
    }
}

/* ROOT/MODEL/DATASET/SPLIT[/layer_N_out]: the model that ends like a chat model is one. */
static bool
looks_like_chat (const char *path)
{
  static const char *const marks[] = { "-it", "-instruct", "-chat", NULL };
  g_autofree char *lower = g_ascii_strdown (path, -1);

  for (const char *const *mark = marks; *mark != NULL; mark++)
    for (const char *at = strstr (lower, *mark); at != NULL; at = strstr (at + 1, *mark))
      if (!g_ascii_isalnum (at[strlen (*mark)]))
        return true;
  return false;
}

static void
take_caches (CsWindow *window, GPtrArray *items)
{
  const char *found[2];
  guint n = 0;
  g_autofree char *store = NULL;
  CsExchange exchange = { .kind = CS_EXCHANGE_IMPORT_CACHES };

  for (guint i = 0; i < items->len; i++)
    {
      const Item *item = g_ptr_array_index (items, i);

      if (item->kind == CS_FILE_CACHE && n < 2)
        found[n] = item->path;
      n += item->kind == CS_FILE_CACHE;
    }
  if (n == 0)
    return;
  store = cs_study_store_path (cs_window_study (window));
  if (n != 2)
    tell (window, _ ("Drop the activation caches of both models together: base and chat"));
  else if (g_file_test (store, G_FILE_TEST_EXISTS))
    tell (window, _ ("This study has activations already: import those of others into a new study"));
  else
    {
      bool turned = looks_like_chat (found[0]) && !looks_like_chat (found[1]);

      exchange.path = found[turned];
      exchange.second = found[!turned];
      cs_exchange_start (page_of (window), &exchange);
      cs_window_show_page (window, "activations");
    }
}

static void
tell_unknown (CsWindow *window, GPtrArray *items)
{
  for (guint i = 0; i < items->len; i++)
    {
      const Item *item = g_ptr_array_index (items, i);
      g_autoptr (GError) error = NULL;

      if (item->kind != CS_FILE_UNKNOWN)
        continue;
      error = g_error_new_literal (CS_ERROR, CS_ERROR_UNSUPPORTED, item->problem);
      cs_feedback_error (GTK_WIDGET (page_of (window)), &error);
      return;
    }
}

/* --- All of them --- */

static const Item *
first_of (GPtrArray *items, CsFileKind kind)
{
  for (guint i = 0; i < items->len; i++)
    {
      const Item *item = g_ptr_array_index (items, i);

      if (item->kind == kind)
        return item;
    }
  return NULL;
}

/* What needs a study gets one, named after the first of these. */
static bool
have_study (CsWindow *window, GPtrArray *items)
{
  static const CsFileKind kinds[] = { CS_FILE_CROSSCODER, CS_FILE_MODEL, CS_FILE_CORPUS, CS_FILE_CACHE };

  for (size_t i = 0; i < G_N_ELEMENTS (kinds) && cs_window_study (window) == NULL; i++)
    {
      const Item *item = first_of (items, kinds[i]);
      g_autoptr (GError) error = NULL;

      if (item != NULL && !cs_intake_open_study (window, item->path, kinds[i] == CS_FILE_CROSSCODER, &error))
        {
          cs_feedback_error (GTK_WIDGET (page_of (window)), &error);
          return false;
        }
    }
  return cs_window_study (window) != NULL;
}

static void
take (CsWindow *window, GPtrArray *items)
{
  const Item *study = first_of (items, CS_FILE_STUDY);

  if (study != NULL)
    {
      g_autofree char *folder = g_file_test (study->path, G_FILE_TEST_IS_DIR) ? g_strdup (study->path)
                                                                              : g_path_get_dirname (study->path);

      g_action_group_activate_action (G_ACTION_GROUP (g_application_get_default ()), "open-folder",
                                      g_variant_new_string (folder));
      return;
    }
  tell_unknown (window, items);
  if (have_study (window, items))
    {
      take_models (window, items);
      take_corpora (window, items);
      take_caches (window, items);
      take_crosscoders (window, items);
    }
  take_tables (window, items);
}

static void
look_thread (GTask *task, void *object, void *data, GCancellable *cancellable)
{
  char **paths = data;
  GPtrArray *items = g_ptr_array_new_with_free_func (item_free);

  for (char **path = paths; *path != NULL; path++)
    {
      Item *item = g_new0 (Item, 1);

      item->path = g_strdup (*path);
      item->kind = cs_file_kind (item->path, &item->problem);
      item->is_chat = item->kind == CS_FILE_MODEL && cs_file_is_chat_model (item->path);
      g_ptr_array_add (items, item);
    }
  g_task_return_pointer (task, items, (GDestroyNotify) g_ptr_array_unref);
}

static void
looked_cb (GObject *source, GAsyncResult *result, void *data)
{
  CsWindow *window = CS_WINDOW (source);
  g_autoptr (GPtrArray) items = g_task_propagate_pointer (G_TASK (result), NULL);

  if (items != NULL && gtk_widget_get_root (GTK_WIDGET (page_of (window))) != NULL
      && !gtk_widget_in_destruction (GTK_WIDGET (window)))
    take (window, items);
}

void
cs_intake_take (CsWindow *window, const char *const *paths)
{
  g_autoptr (GTask) task = g_task_new (window, NULL, looked_cb, NULL);

  g_task_set_task_data (task, g_strdupv ((char **) (uintptr_t) paths), (GDestroyNotify) g_strfreev);
  g_task_run_in_thread (task, look_thread);
}

/* --- Drops and actions --- */

static gboolean
drop_cb (GtkDropTarget *target, const GValue *value, double x, double y, CsWindow *window)
{
  g_autoptr (GStrvBuilder) paths = g_strv_builder_new ();
  g_auto (GStrv) list = NULL;
  g_autoptr (GSList) files = gdk_file_list_get_files (g_value_get_boxed (value));

  for (GSList *l = files; l != NULL; l = l->next)
    {
      g_autofree char *path = g_file_get_path (l->data);

      if (path != NULL)
        g_strv_builder_add (paths, path);
    }
  list = g_strv_builder_end (paths);
  if (list[0] == NULL)
    {
      tell (window, _ ("Only files and folders of this computer can be opened"));
      return FALSE;
    }
  cs_intake_take (window, (const char *const *) list);
  return TRUE;
}

static void
chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  const char *paths[] = { path, NULL };

  if (path != NULL)
    cs_intake_take (CS_WINDOW (gtk_widget_get_root (widget)), paths);
}

static void
open_action (GSimpleAction *action, GVariant *parameter, void *window)
{
  cs_compat_choose (GTK_WIDGET (page_of (window)), CS_CHOOSE_FILE, _ ("Open a Crosscoder"), _ ("_Open"), NULL, chosen_cb,
                    NULL);
}

static void
open_folder_action (GSimpleAction *action, GVariant *parameter, void *window)
{
  cs_compat_choose (GTK_WIDGET (page_of (window)), CS_CHOOSE_FOLDER, _ ("Open a Crosscoder"), _ ("_Open"), NULL,
                    chosen_cb, NULL);
}

/* Above what the Pair page shows. */
static CsImportedCard *
add_card (CsPage *page)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0), *card = cs_imported_card_new ();
  g_autoptr (GtkWidget) child = g_object_ref (adw_bin_get_child (ADW_BIN (page)));

  adw_bin_set_child (ADW_BIN (page), NULL);
  gtk_widget_set_vexpand (child, TRUE);
  gtk_box_append (GTK_BOX (box), card);
  gtk_box_append (GTK_BOX (box), child);
  adw_bin_set_child (ADW_BIN (page), box);
  return CS_IMPORTED_CARD (card);
}

static GtkWidget *
import_button_new (void)
{
  GtkWidget *button = gtk_menu_button_new ();
  g_autoptr (GMenuModel) menu = cs_exchange_import_menu ();

  gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (button), "document-open-symbolic");
  gtk_menu_button_set_menu_model (GTK_MENU_BUTTON (button), menu);
  gtk_widget_set_tooltip_text (button, _ ("Import a Crosscoder of This Pair"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Import a crosscoder of this pair"), -1);
  return button;
}

CsImportedCard *
cs_intake_add (CsWindow *window)
{
  static const GActionEntry actions[] = {
    { .name = "open-crosscoder", .activate = open_action },
    { .name = "open-crosscoder-folder", .activate = open_folder_action },
  };
  GtkDropTarget *target = gtk_drop_target_new (GDK_TYPE_FILE_LIST, GDK_ACTION_COPY);
  CsPage *pair = cs_window_page (window, "pair");

  g_action_map_add_action_entries (G_ACTION_MAP (window), actions, G_N_ELEMENTS (actions), window);
  g_signal_connect (target, "drop", G_CALLBACK (drop_cb), window);
  gtk_widget_add_controller (GTK_WIDGET (window), GTK_EVENT_CONTROLLER (target));
  g_object_set (pair, "header", import_button_new (), NULL);
  return add_card (pair);
}
