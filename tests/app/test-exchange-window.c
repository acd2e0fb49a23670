/* Crosscoders, models, texts and activations of others in the window: dropped, imported, asked for, and given out again. */
#include <string.h>

#include <glib/gstdio.h>

#include "exchange-job.h"
#include "exchange.h"
#include "imported-card.h"
#include "intake.h"
#include "latents-page.h"
#include "memmap-cache.h"
#include "random-crosscoder.h"
#include "random.h"
#include "window-driver.h"

enum
{
  WIDTH = 128, /* that of the demo's models */
  LATENTS = 40
};

static char *top; /* temporary; everything is in it */

static char *
path_of (const char *name)
{
  return g_build_filename (top, name, NULL);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      remove_tree (child);
    }
  g_remove (path);
}

/* A folder in the hub format: weights of random numbers, and the settings of the training library. */
static char *
make_hub (const char *name, size_t width, CsVariant variant, float threshold)
{
  char *folder = path_of (name);
  g_autofree char *trainer = g_build_filename (folder, "trainer_config.json", NULL);
  g_autoptr (CsCrosscoder) crosscoder = random_crosscoder (width, LATENTS, variant);
  g_autoptr (GError) error = NULL;

  crosscoder->threshold = crosscoder->model_threshold[0] = crosscoder->model_threshold[1] = threshold;
  g_mkdir_with_parents (folder, 0700);
  g_assert_true (cs_crosscoder_save (crosscoder, folder, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_set_contents (trainer,
                                      "{\"trainer\": {\"layer\": 3, \"lm_name\": \"demo-it-demo\", \"lr\": 0.0001}}", -1, NULL));
  return folder;
}

static void
make_store (CsStudy *study, size_t n_tokens)
{
  g_autofree char *path = cs_study_store_path (study);
  static char web[] = "web", base[] = "tiny", chat[] = "tiny-it", none[] = "";
  char *corpora[] = { web, NULL };
  CsStoreInfo info = { .d_model = WIDTH, .layer = 3, .dtype = CS_DTYPE_F16, .base_model = base, .base_hash = none,
                       .chat_model = chat, .chat_hash = none, .tokenizer_hash = none, .corpora = corpora };
  g_autofree float *rows = g_new (float, n_tokens * 2 * WIDTH);
  g_autofree int32_t *ids = g_new0 (int32_t, n_tokens);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = cs_store_create (path, &info, n_tokens, 1, &error);
  CsRandom random;

  g_assert_no_error (error);
  cs_random_init (&random, 3, 0);
  for (size_t i = 0; i < n_tokens * 2 * WIDTH; i++)
    rows[i] = (float) cs_random_normal (&random);
  g_assert_true (cs_store_append_document (store, ids, n_tokens, 0, rows, &error));
  g_assert_true (cs_store_finish (store, &error));
  g_assert_no_error (error);
}

/* --- Looking at the window --- */

static bool
is_idle (void *study)
{
  return !cs_study_has_active_jobs (study);
}

static void
finish_jobs (CsWindow *window)
{
  driver_settle (0.3);
  g_assert_true (driver_wait (is_idle, cs_window_study (window), 30));
  driver_settle (0.3);
}

static GtkDropTarget *
drop_target (CsWindow *window)
{
  g_autoptr (GListModel) controllers = gtk_widget_observe_controllers (GTK_WIDGET (window));

  for (guint i = 0; i < g_list_model_get_n_items (controllers); i++)
    {
      g_autoptr (GObject) controller = g_list_model_get_item (controllers, i);

      if (GTK_IS_DROP_TARGET (controller))
        return GTK_DROP_TARGET (controller); /* the window keeps it */
    }
  g_assert_not_reached ();
}

static void
drop (CsWindow *window, const char *first, const char *second)
{
  g_autoptr (GFile) one = g_file_new_for_path (first), other = g_file_new_for_path (second != NULL ? second : first);
  GSList last = { other, NULL }, list = { one, second != NULL ? &last : NULL };
  g_auto (GValue) value = G_VALUE_INIT;
  gboolean taken = FALSE;

  g_value_init (&value, GDK_TYPE_FILE_LIST);
  g_value_take_boxed (&value, gdk_file_list_new_from_list (&list));
  g_signal_emit_by_name (drop_target (window), "drop", &value, 10., 10., &taken);
  g_assert_true (taken);
  driver_settle (0.5);
}

static bool
has_study (void *window)
{
  return cs_window_study (window) != NULL;
}

typedef struct
{
  GtkWidget *root;
  const char *text;
} Text;

static bool
is_told (void *data)
{
  const Text *text = data;

  return driver_find_text (text->root, text->text) != NULL;
}

/* Toasts wait for each other. */
static bool
tells (CsWindow *window, const char *text)
{
  Text what = { GTK_WIDGET (window), text };

  return driver_wait (is_told, &what, 30);
}

static guint
n_runs (CsWindow *window)
{
  return g_list_model_get_n_items (cs_study_runs (cs_window_study (window)));
}

static CsRun *
first_run (CsWindow *window)
{
  g_autoptr (CsRun) run = g_list_model_get_item (cs_study_runs (cs_window_study (window)), 0);

  g_assert_nonnull (run);
  return run; /* the study keeps it */
}

static GtkWidget *
card_of (CsWindow *window)
{
  return driver_find (GTK_WIDGET (cs_window_page (window, "pair")), CS_TYPE_IMPORTED_CARD, NULL, NULL);
}

/* --- Menus --- */

typedef struct
{
  const char *text;
  bool found, sensitive;
} MenuItem;

static bool
is_item (GtkWidget *widget, const void *data)
{
  g_autofree char *text = NULL;

  if (strcmp (G_OBJECT_TYPE_NAME (widget), "GtkModelButton") != 0)
    return false;
  g_object_get (widget, "text", &text, NULL);
  return text != NULL && strstr (text, data) != NULL;
}

static bool
has_icon (GtkWidget *widget, const void *icon)
{
  return g_strcmp0 (gtk_menu_button_get_icon_name (GTK_MENU_BUTTON (widget)), icon) == 0;
}

/* Opens a menu of the shown page or of its header and looks for items by a part of their text. */
static void
check_menu (CsWindow *window, const char *page, const char *icon, MenuItem *items, size_t n)
{
  GtkWidget *header = cs_page_header (cs_window_page (window, page)), *button;

  cs_window_show_page (window, page);
  driver_settle (0.3);
  button = header != NULL ? driver_find (header, GTK_TYPE_MENU_BUTTON, has_icon, icon) : NULL;
  if (button == NULL)
    button = driver_find (GTK_WIDGET (cs_window_page (window, page)), GTK_TYPE_MENU_BUTTON, has_icon, icon);
  g_assert_nonnull (button);
  g_assert_nonnull (gtk_widget_get_tooltip_text (button));
  gtk_menu_button_popup (GTK_MENU_BUTTON (button));
  driver_settle (0.3);
  for (size_t i = 0; i < n; i++)
    {
      GtkWidget *item = driver_find (GTK_WIDGET (gtk_menu_button_get_popover (GTK_MENU_BUTTON (button))),
                                     GTK_TYPE_WIDGET, is_item, items[i].text);

      if (item == NULL)
        g_error ("%s has no item “%s”", page, items[i].text);
      items[i].sensitive = gtk_widget_get_sensitive (item);
    }
  gtk_menu_button_popdown (GTK_MENU_BUTTON (button));
  driver_settle (0.2);
}

/* --- Tests --- */

/* A crosscoder dropped on Welcome opens a study of its own and asks for its pair; opened again, the study comes back. */
static void
test_open (void)
{
  g_autofree char *hub = make_hub ("open-hub", WIDTH, CS_VARIANT_BATCHTOPK, 7.5f), *folder = NULL;
  g_autofree char *base = g_build_filename (DEMO_FOLDER, "base", NULL), *chat = g_build_filename (DEMO_FOLDER, "chat", NULL);
  CsWindow *window = driver_window (900, 700);

  drop (window, hub, NULL);
  g_assert_true (driver_wait (has_study, window, 20));
  finish_jobs (window);
  g_assert_cmpuint (n_runs (window), ==, 1);
  g_assert_nonnull (cs_run_latents (first_run (window), NULL));
  g_assert_cmpuint (cs_study_layer (cs_window_study (window)), ==, 3);
  g_assert_true (gtk_widget_get_visible (card_of (window)));
  g_assert_true (gtk_widget_get_mapped (card_of (window))); /* the Pair page is shown */
  g_assert_nonnull (driver_find_text (card_of (window), "open-hub Needs Its Two Models"));
  g_assert_nonnull (driver_find_text (card_of (window), "demo-it-demo"));
  folder = g_strdup (cs_study_folder (cs_window_study (window)));

  drop (window, chat, base); /* whichever comes first: the template tells */
  finish_jobs (window);
  g_assert_cmpstr (cs_study_model_folder (cs_window_study (window), 0), ==, base);
  g_assert_cmpstr (cs_study_model_folder (cs_window_study (window), 1), ==, chat);
  g_assert_false (gtk_widget_get_visible (card_of (window)));

  cs_window_set_study (window, NULL);
  drop (window, hub, NULL);
  g_assert_true (driver_wait (has_study, window, 20));
  finish_jobs (window);
  g_assert_cmpstr (cs_study_folder (cs_window_study (window)), ==, folder);
  g_assert_cmpuint (n_runs (window), ==, 1);
  g_assert_cmpstr (cs_study_model_folder (cs_window_study (window), 0), ==, base);
  driver_close (window);
}

/* Models of another width are told apart from those it was made for. */
static void
test_wrong_pair (void)
{
  g_autofree char *hub = make_hub ("wide-hub", WIDTH + 8, CS_VARIANT_L1, -1);
  g_autofree char *base = g_build_filename (DEMO_FOLDER, "base", NULL);
  CsWindow *window = driver_window (900, 700);

  drop (window, hub, base);
  g_assert_true (driver_wait (has_study, window, 20));
  finish_jobs (window);
  g_assert_nonnull (driver_find_text (card_of (window), "Does Not Fit"));
  driver_close (window);
}

static void
test_drops (void)
{
  g_autofree char *hub = make_hub ("drop-hub", WIDTH, CS_VARIANT_L1, -1), *corpus = path_of ("text.txt");
  g_autofree char *csv = path_of ("feature_df.csv"), *nothing = path_of ("picture.bin"), *study = path_of ("drop-study");
  g_autoptr (GError) error = NULL;
  CsWindow *window = driver_window (900, 700);

  g_assert_true (g_file_set_contents (corpus, "A line of text.\n", -1, NULL));
  g_assert_true (g_file_set_contents (nothing, "\1\2\3", 3, NULL));
  g_object_unref (cs_study_create (study, "Drops", &error));
  g_assert_no_error (error);
  drop (window, nothing, NULL);
  g_assert_null (cs_window_study (window));
  g_assert_nonnull (driver_find_text (GTK_WIDGET (window), "picture.bin"));
  drop (window, study, NULL);
  g_assert_true (driver_wait (has_study, window, 20));
  g_assert_cmpstr (cs_study_folder (cs_window_study (window)), ==, study);
  drop (window, corpus, hub);
  finish_jobs (window);
  g_assert_cmpstr (cs_study_corpora (cs_window_study (window))[0], ==, corpus);
  g_assert_cmpuint (n_runs (window), ==, 1);

  /* Out as a table, and in again beside it. */
  cs_exchange_start (cs_window_page (window, "training"),
                     &(CsExchange) { .kind = CS_EXCHANGE_CSV, .path = csv, .run_name = "drop-hub" });
  finish_jobs (window);
  g_assert_true (g_file_test (csv, G_FILE_TEST_EXISTS));
  drop (window, csv, NULL);
  finish_jobs (window);
  g_assert_null (driver_find_text (GTK_WIDGET (window), "open that first"));
  driver_close (window);
}

static void
test_menus (void)
{
  g_autofree char *hub = make_hub ("menu-hub", WIDTH, CS_VARIANT_BATCHTOPK, -1);
  MenuItem latents[] = { { .text = "File…" }, { .text = "lder…" }, { .text = "ttach" }, { .text = "Calibrate" },
                         { .text = "as CSV" }, { .text = "Neuronpedia" }, { .text = "dictionary" },
                         { .text = "(Chat)" }, { .text = "ase)" } };
  MenuItem activations[] = { { .text = "mport Activation Caches" }, { .text = "xport as Activation Caches" } };
  MenuItem pair[] = { { .text = "File…" }, { .text = "lder…" } };
  CsWindow *window = driver_window (900, 700);

  drop (window, hub, NULL);
  g_assert_true (driver_wait (has_study, window, 20));
  finish_jobs (window);
  check_menu (window, "latents", "document-send-symbolic", latents, G_N_ELEMENTS (latents));
  for (size_t i = 0; i < G_N_ELEMENTS (latents); i++)
    if (!latents[i].sensitive)
      g_error ("“%s” cannot be used", latents[i].text);
  check_menu (window, "activations", "document-send-symbolic", activations, G_N_ELEMENTS (activations));
  g_assert_true (activations[0].sensitive && activations[1].sensitive);
  check_menu (window, "pair", "document-open-symbolic", pair, G_N_ELEMENTS (pair));
  g_assert_true (pair[0].sensitive && pair[1].sensitive);
  driver_close (window);
}

/* One action sets the threshold that a file does not say, once there are activations. */
static void
test_calibrate (void)
{
  g_autofree char *hub = make_hub ("unset-hub", WIDTH, CS_VARIANT_BATCHTOPK, -1);
  CsWindow *window = driver_window (900, 700);
  g_autofree char *run = NULL;

  drop (window, hub, NULL);
  g_assert_true (driver_wait (has_study, window, 20));
  finish_jobs (window);
  run = g_strdup (cs_run_folder (first_run (window)));
  g_assert_true (cs_run_needs_threshold (run));
  gtk_widget_activate_action (GTK_WIDGET (window), "training.calibrate", "s", "unset-hub");
  g_assert_true (tells (window, "harvest some first"));
  make_store (cs_window_study (window), 300);
  gtk_widget_activate_action (GTK_WIDGET (window), "training.calibrate", "s", "unset-hub");
  finish_jobs (window);
  g_assert_false (cs_run_needs_threshold (run));
  g_assert_true (cs_run_needs_threshold (hub)); /* the file that was imported is not ours to change */
  driver_close (window);
}

/* A latent as a control vector; the store as caches, and those into another study. */
static void
test_out (void)
{
  g_autofree char *hub = make_hub ("out-hub", WIDTH, CS_VARIANT_BATCHTOPK, 7.5f), *vector = path_of ("latent.gguf");
  g_autofree char *caches = path_of ("caches"), *study = path_of ("caches-study"), *bytes = NULL;
  g_autofree char *base = g_build_filename (caches, "tiny", "web", "train", NULL);
  g_autofree char *chat = g_build_filename (caches, "tiny-it", "web", "train", NULL);
  g_autoptr (GError) error = NULL;
  CsWindow *window = driver_window (900, 700);
  size_t n_tokens = 0, n_documents = 0;
  bool finished = false;

  drop (window, hub, NULL);
  g_assert_true (driver_wait (has_study, window, 20));
  finish_jobs (window);
  cs_exchange_start (cs_window_page (window, "training"),
                     &(CsExchange) { .kind = CS_EXCHANGE_VECTOR, .path = vector, .run_name = "out-hub", .latent = 7, .model = 1 });
  finish_jobs (window);
  g_assert_true (g_file_get_contents (vector, &bytes, NULL, &error));
  g_assert_cmpmem (bytes, 4, "GGUF", 4);
  make_store (cs_window_study (window), 50);
  cs_exchange_start (cs_window_page (window, "training"),
                     &(CsExchange) { .kind = CS_EXCHANGE_EXPORT_STORE, .path = caches });
  finish_jobs (window);

  g_object_unref (cs_study_create (study, "Caches", &error));
  g_assert_no_error (error);
  drop (window, study, NULL);
  driver_settle (0.3);
  g_assert_cmpstr (cs_study_folder (cs_window_study (window)), ==, study);
  drop (window, chat, base); /* in the wrong order: the name tells */
  finish_jobs (window);
  g_assert_true (cs_study_store_status (cs_window_study (window), &n_tokens, &n_documents, &finished));
  g_assert_cmpuint (n_tokens, ==, 50);
  g_assert_cmpuint (cs_study_layer (cs_window_study (window)), ==, 3);
  driver_close (window);
}

int
main (int argc, char **argv)
{
  g_autofree char *data = NULL;
  int status;

  top = g_dir_make_tmp ("crosscope-intake-XXXXXX", NULL);
  data = path_of ("data");
  g_setenv ("XDG_DATA_HOME", data, TRUE);
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
  g_test_add_func ("/exchange-window/open", test_open);
  g_test_add_func ("/exchange-window/wrong-pair", test_wrong_pair);
  g_test_add_func ("/exchange-window/drops", test_drops);
  g_test_add_func ("/exchange-window/menus", test_menus);
  g_test_add_func ("/exchange-window/calibrate", test_calibrate);
  g_test_add_func ("/exchange-window/out", test_out);
  status = g_test_run ();
  remove_tree (top);
  g_free (top);
  return status;
}
