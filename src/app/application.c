#include "application.h"

#include <glib/gi18n.h>

#include "app-settings.h"
#include "crosscope-config.h"
#include "demo.h"
#include "dialogs.h"
#include "feedback.h"
#include "window.h"

#define MAX_RECENT 8

struct _CsApplication {
  AdwApplication parent;
  GSettings *settings;   /* NULL where the schema is not installed */
};

G_DEFINE_FINAL_TYPE (CsApplication, cs_application, ADW_TYPE_APPLICATION)

/* Dialogs are windows of the application too, so the active one will not do. */
static GtkWindow *
find_window (CsApplication *self)
{
  for (GList *l = gtk_application_get_windows (GTK_APPLICATION (self)); l != NULL; l = l->next)
    if (CS_IS_WINDOW (l->data))
      return l->data;
  return NULL;
}

static CsWindow *
get_window (CsApplication *self)
{
  GtkWindow *window = find_window (self);

  if (window == NULL)
    {
      window = GTK_WINDOW (cs_window_new (ADW_APPLICATION (self)));
      if (self->settings != NULL)
        {
          gtk_window_set_default_size (window, g_settings_get_int (self->settings, "window-width"),
                                       g_settings_get_int (self->settings, "window-height"));
          g_settings_bind (self->settings, "window-width", window, "default-width", G_SETTINGS_BIND_SET);
          g_settings_bind (self->settings, "window-height", window, "default-height", G_SETTINGS_BIND_SET);
          g_settings_bind (self->settings, "window-maximized", window, "maximized", G_SETTINGS_BIND_DEFAULT);
        }
    }
  return CS_WINDOW (window);
}

/* --- Recent studies --- */

static bool
holds_study (const char *folder)
{
  g_autofree char *file = g_build_filename (folder, "study.json", NULL);

  return g_file_test (file, G_FILE_TEST_EXISTS);
}

char **
cs_application_recent_studies (CsApplication *application)
{
  g_auto (GStrv) all = NULL;
  GPtrArray *existing = g_ptr_array_new ();

  if (application->settings != NULL)
    all = g_settings_get_strv (application->settings, "recent-studies");
  for (char **folder = all; folder != NULL && *folder != NULL; folder++)
    if (holds_study (*folder))
      g_ptr_array_add (existing, g_strdup (*folder));
  g_ptr_array_add (existing, NULL);
  return (char **) g_ptr_array_free (existing, FALSE);
}

static void
remember_study (CsApplication *self, const char *folder)
{
  g_auto (GStrv) old = cs_application_recent_studies (self);
  g_autoptr (GPtrArray) list = g_ptr_array_new ();
  g_autofree char *newest = g_strdup (folder);

  if (self->settings == NULL)
    return;
  g_ptr_array_add (list, newest);
  for (char **f = old; *f != NULL && list->len < MAX_RECENT; f++)
    if (!g_str_equal (*f, folder))
      g_ptr_array_add (list, *f);
  g_ptr_array_add (list, NULL);
  g_settings_set_strv (self->settings, "recent-studies", (const char *const *) list->pdata);
}

/* --- Opening --- */

/* The overlay is a descendant of the window, so errors are told through a widget below it. */
static GtkWidget *
below_overlay (CsWindow *window)
{
  GtkWidget *overlay = adw_application_window_get_content (ADW_APPLICATION_WINDOW (window));

  return adw_toast_overlay_get_child (ADW_TOAST_OVERLAY (overlay));
}

/* Shows a study that has just been opened, or says why it could not be. */
static void
show_study (CsApplication *self, CsStudy *study, GError **error)
{
  CsWindow *window = get_window (self);

  gtk_window_present (GTK_WINDOW (window));
  if (study == NULL)
    {
      cs_feedback_error (below_overlay (window), error);
      return;
    }
  cs_window_set_study (window, study);
  remember_study (self, cs_study_folder (study));
}

/* The study shown now, where it is the one of that folder: two of one folder would write over each other. */
static CsStudy *
shown_study (CsWindow *window, const char *folder)
{
  g_autofree char *path = g_canonicalize_filename (folder, NULL);
  CsStudy *study = cs_window_study (window);

  return study != NULL && g_str_equal (cs_study_folder (study), path) ? study : NULL;
}

static void
open_now (CsWindow *window, void *folder)
{
  CsApplication *self = CS_APPLICATION (gtk_window_get_application (GTK_WINDOW (window)));
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStudy) study = cs_study_open (folder, &error);

  show_study (self, study, &error);
}

void
cs_application_open_study (CsApplication *application, const char *folder)
{
  CsWindow *window = get_window (application);

  gtk_window_present (GTK_WINDOW (window));
  if (shown_study (window, folder) == NULL)
    cs_window_stop_jobs_then (window, open_now, g_strdup (folder), g_free);
}

static char *
demo_study_folder (void)
{
  const char *chosen = g_getenv ("CROSSCOPE_DEMO_STUDY");

  return chosen != NULL ? g_strdup (chosen) : g_build_filename (g_get_user_data_dir (), "crosscope", "demo", NULL);
}

static void
queue_demo (CsWindow *window, CsStudy *study)
{
  g_autoptr (GError) error = NULL;

  if (!cs_study_has_active_jobs (study) && !cs_demo_queue (study, &error))
    cs_feedback_error (below_overlay (window), &error);
  else
    cs_window_show_page (window, cs_study_has_active_jobs (study) ? "activations" : "latents");
}

static void
open_demo_now (CsWindow *window, void *folder)
{
  CsApplication *self = CS_APPLICATION (gtk_window_get_application (GTK_WINDOW (window)));
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStudy) study =
    holds_study (folder) ? cs_study_open (folder, &error) : cs_demo_create_study (folder, &error);

  show_study (self, study, &error);
  if (study != NULL)
    queue_demo (window, study);
}

void
cs_application_open_demo (CsApplication *application)
{
  CsWindow *window = get_window (application);
  g_autofree char *folder = demo_study_folder ();
  CsStudy *shown = shown_study (window, folder);

  gtk_window_present (GTK_WINDOW (window));
  if (shown != NULL)
    queue_demo (window, shown);
  else
    cs_window_stop_jobs_then (window, open_demo_now, g_steal_pointer (&folder), g_free);
}

static void
create_now (CsWindow *window, void *path)
{
  CsApplication *self = CS_APPLICATION (gtk_window_get_application (GTK_WINDOW (window)));
  g_autoptr (GError) error = NULL;
  g_autofree char *title = g_path_get_basename (path);
  g_autoptr (CsStudy) study = cs_study_create (path, title, &error);

  show_study (self, study, &error);
}

static void
new_study_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  CsApplication *self = CS_APPLICATION (g_application_get_default ());

  if (path != NULL)
    cs_window_stop_jobs_then (get_window (self), create_now, g_strdup (path), g_free);
}

static void
open_study_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  CsApplication *self = CS_APPLICATION (g_application_get_default ());

  if (path != NULL)
    cs_application_open_study (self, path);
}

/* --- Actions --- */

static void
new_study_action (GSimpleAction *action, GVariant *parameter, void *data)
{
  cs_compat_choose (below_overlay (get_window (data)), CS_CHOOSE_FOLDER, _("Choose a Folder for the New Study"),
                    _("_Create"), NULL, new_study_chosen_cb, NULL);
}

static void
open_study_action (GSimpleAction *action, GVariant *parameter, void *data)
{
  cs_compat_choose (below_overlay (get_window (data)), CS_CHOOSE_FOLDER, _("Open a Study Folder"), _("_Open"), NULL,
                    open_study_chosen_cb, NULL);
}

static void
open_folder_action (GSimpleAction *action, GVariant *parameter, void *data)
{
  cs_application_open_study (data, g_variant_get_string (parameter, NULL));
}

static void
open_demo_action (GSimpleAction *action, GVariant *parameter, void *data)
{
  cs_application_open_demo (data);
}

static void
about_action (GSimpleAction *action, GVariant *parameter, void *data)
{
  const char *developers[] = { "The Crosscope authors", NULL };

  adw_show_about_window (GTK_WINDOW (get_window (data)), "application-name", _("Crosscope"), "application-icon",
                         CS_APPLICATION_ID, "version", CS_VERSION, "developers", developers, "license-type",
                         GTK_LICENSE_MIT_X11, "comments",
                         _("Shows what chat fine-tuning put into a language model"), NULL);
}

static void
quit_action (GSimpleAction *action, GVariant *parameter, void *data)
{
  GtkWindow *window = find_window (data);

  if (window != NULL)
    gtk_window_close (window);
}

static const GActionEntry actions[] = {
  { .name = "new-study", .activate = new_study_action },
  { .name = "open-study", .activate = open_study_action },
  { .name = "open-folder", .activate = open_folder_action, .parameter_type = "s" },
  { .name = "open-demo", .activate = open_demo_action },
  { .name = "about", .activate = about_action },
  { .name = "quit", .activate = quit_action },
};

static void
set_accels (GtkApplication *app)
{
  static const struct {
    const char *action;
    const char *accels[2];
  } table[] = {
    { "app.new-study", { "<Ctrl>n" } },          { "app.open-study", { "<Ctrl>o" } },
    { "app.quit", { "<Ctrl>q" } },               { "win.show-help-overlay", { "<Ctrl>question" } },
    { "win.show-page('pair')", { "<Ctrl>1" } },  { "win.show-page('activations')", { "<Ctrl>2" } },
    { "win.show-page('training')", { "<Ctrl>3" } }, { "win.show-page('latents')", { "<Ctrl>4" } },
    { "win.show-page('steering')", { "<Ctrl>5" } }, { "win.close-study", { "<Ctrl>w" } },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (table); i++)
    gtk_application_set_accels_for_action (app, table[i].action, table[i].accels);
}

/* --- Life --- */

static void
color_scheme_changed_cb (GSettings *settings)
{
  static const AdwColorScheme schemes[] = { ADW_COLOR_SCHEME_DEFAULT, ADW_COLOR_SCHEME_FORCE_LIGHT, ADW_COLOR_SCHEME_FORCE_DARK };
  int chosen = g_settings_get_enum (settings, "color-scheme");

  adw_style_manager_set_color_scheme (adw_style_manager_get_default (), schemes[CLAMP (chosen, 0, 2)]);
}

static void
add_color_scheme (CsApplication *self)
{
  g_autoptr (GAction) action = g_settings_create_action (self->settings, "color-scheme");

  g_action_map_add_action (G_ACTION_MAP (self), action);
  g_signal_connect_object (self->settings, "changed::color-scheme", G_CALLBACK (color_scheme_changed_cb), self, 0);
  color_scheme_changed_cb (self->settings);
}

static void
cs_application_startup (GApplication *application)
{
  G_APPLICATION_CLASS (cs_application_parent_class)->startup (application);
  g_action_map_add_action_entries (G_ACTION_MAP (application), actions, G_N_ELEMENTS (actions), application);
  set_accels (GTK_APPLICATION (application));
  if (CS_APPLICATION (application)->settings != NULL)
    add_color_scheme (CS_APPLICATION (application));
}

static void
cs_application_activate (GApplication *application)
{
  gtk_window_present (GTK_WINDOW (get_window (CS_APPLICATION (application))));
}

static void
cs_application_open (GApplication *application, GFile **files, int n_files, const char *hint)
{
  g_autofree char *path = g_file_get_path (files[0]);

  if (path != NULL)
    cs_application_open_study (CS_APPLICATION (application), path);
}

static int
cs_application_handle_local_options (GApplication *application, GVariantDict *options)
{
  g_autoptr (GError) error = NULL;

  if (!g_variant_dict_contains (options, "demo"))
    return -1;
  if (!g_application_register (application, NULL, &error))
    {
      g_printerr ("crosscope: %s\n", error->message);
      return 1;
    }
  g_action_group_activate_action (G_ACTION_GROUP (application), "open-demo", NULL);
  return g_application_get_is_remote (application) ? 0 : -1;
}

static void
cs_application_finalize (GObject *object)
{
  g_clear_object (&CS_APPLICATION (object)->settings);
  G_OBJECT_CLASS (cs_application_parent_class)->finalize (object);
}

static void
cs_application_class_init (CsApplicationClass *klass)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = cs_application_finalize;
  application_class->startup = cs_application_startup;
  application_class->activate = cs_application_activate;
  application_class->open = cs_application_open;
  application_class->handle_local_options = cs_application_handle_local_options;
}

static void
cs_application_init (CsApplication *self)
{
  const GOptionEntry options[] = {
    { "demo", 0, 0, G_OPTION_ARG_NONE, NULL, N_("Open the demo study"), NULL },
    { NULL },
  };

  self->settings = cs_app_settings_new ("recent-studies");
  g_application_add_main_option_entries (G_APPLICATION (self), options);
}

CsApplication *
cs_application_new (void)
{
  return g_object_new (CS_TYPE_APPLICATION, "application-id", CS_APPLICATION_ID, "flags", G_APPLICATION_HANDLES_OPEN,
                       "resource-base-path", "/io/github/crosscope/Crosscope", NULL);
}
