#include "window.h"

#include <glib/gi18n.h>

#include "activations-page.h"
#include "dialogs.h"
#include "feedback.h"
#include "intake.h"
#include "job-row.h"
#include "latents-page.h"
#include "pair-page.h"
#include "report-page.h"
#include "steering-page.h"
#include "training-page.h"
#include "welcome-page.h"

struct _CsWindow {
  AdwApplicationWindow parent;
  CsStudy *study;
  bool asking; /* whether to stop the running jobs: asked once at a time */
  AdwToastOverlay *toasts;
  GtkStack *root_stack;
  CsWelcomePage *welcome;
  CsImportedCard *imported; /* of the Pair page */
  AdwFlap *flap;
  AdwWindowTitle *study_title;
  GtkListBox *page_list;
  GtkWidget *jobs_box;
  GtkLabel *jobs_label;
  GtkWidget *clear_jobs;
  GtkListBox *job_list;
  AdwWindowTitle *page_title;
  AdwBin *page_header;
  GtkStack *pages;
};

G_DEFINE_FINAL_TYPE (CsWindow, cs_window, ADW_TYPE_APPLICATION_WINDOW)

/* --- Pages --- */

CsPage *
cs_window_page (CsWindow *window, const char *name)
{
  return CS_PAGE (gtk_stack_get_child_by_name (window->pages, name));
}

static GtkListBoxRow *
row_of_page (CsWindow *self, GtkWidget *page)
{
  GtkListBoxRow *row;

  for (int i = 0; (row = gtk_list_box_get_row_at_index (self->page_list, i)) != NULL; i++)
    if (g_object_get_data (G_OBJECT (row), "page") == page)
      break;
  return row;
}

void
cs_window_show_page (CsWindow *window, const char *name)
{
  GtkWidget *child = gtk_stack_get_child_by_name (window->pages, name);

  if (child == NULL || window->study == NULL)
    return;
  gtk_stack_set_visible_child (window->pages, child);
  adw_window_title_set_title (window->page_title, cs_page_title (CS_PAGE (child)));
  adw_bin_set_child (window->page_header, cs_page_header (CS_PAGE (child)));
  gtk_list_box_select_row (window->page_list, row_of_page (window, child));
}

/* The arrow keys and a click select; only a click or Enter also folds the sidebar away where it covers the page. */
static void
page_row_selected_cb (CsWindow *self, GtkListBoxRow *row)
{
  GtkWidget *page = row != NULL ? g_object_get_data (G_OBJECT (row), "page") : NULL;

  if (page != NULL && gtk_stack_get_visible_child (self->pages) != page)
    cs_window_show_page (self, cs_page_name (CS_PAGE (page)));
}

static void
page_row_activated_cb (CsWindow *self, GtkListBoxRow *row)
{
  page_row_selected_cb (self, row);
  if (adw_flap_get_folded (self->flap))
    adw_flap_set_reveal_flap (self->flap, FALSE);
}

static void
update_row_name (GtkWidget *row, GParamSpec *pspec, CsPage *page)
{
  const char *status = cs_page_status (page);
  g_autofree char *name =
    status != NULL && *status != '\0' ? g_strdup_printf ("%s, %s", cs_page_title (page), status) : g_strdup (cs_page_title (page));

  gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static GtkWidget *
page_row_new (CsPage *page)
{
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *label = gtk_label_new (cs_page_title (page));
  GtkWidget *status = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_widget_add_css_class (status, "caption");
  gtk_widget_add_css_class (status, "dim-label");
  gtk_widget_add_css_class (status, "numeric");
  g_object_bind_property (page, "status", status, "label", G_BINDING_SYNC_CREATE);
  gtk_box_append (GTK_BOX (box), gtk_image_new_from_icon_name (cs_page_icon_name (page)));
  gtk_box_append (GTK_BOX (box), label);
  gtk_box_append (GTK_BOX (box), status);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  g_object_set_data (G_OBJECT (row), "page", page);
  g_signal_connect_object (page, "notify::status", G_CALLBACK (update_row_name), row, G_CONNECT_SWAPPED);
  update_row_name (row, NULL, page);
  return row;
}

static void
add_pages (CsWindow *self)
{
  const GType types[] = {
    CS_TYPE_PAIR_PAGE, CS_TYPE_ACTIVATIONS_PAGE, CS_TYPE_TRAINING_PAGE, CS_TYPE_LATENTS_PAGE, CS_TYPE_STEERING_PAGE,
    CS_TYPE_REPORT_PAGE,
  };

  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    {
      CsPage *page = g_object_new (types[i], NULL);

      gtk_stack_add_named (self->pages, GTK_WIDGET (page), cs_page_name (page));
      gtk_list_box_append (self->page_list, page_row_new (page));
    }
}

static void
for_each_page (CsWindow *self, void (*func) (CsPage *page, void *data), void *data)
{
  for (GtkWidget *w = gtk_widget_get_first_child (GTK_WIDGET (self->pages)); w != NULL; w = gtk_widget_get_next_sibling (w))
    func (CS_PAGE (w), data);
}

static void
set_page_study (CsPage *page, void *study)
{
  cs_page_set_study (page, study);
}

/* --- Jobs --- */

static GtkWidget *
create_job_row (void *item, void *data)
{
  return cs_job_row_new (item);
}

static void
jobs_changed_cb (CsWindow *self)
{
  guint n = self->study != NULL ? g_list_model_get_n_items (cs_study_jobs (self->study)) : 0;
  guint active = 0;
  g_autofree char *text = NULL;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CsJob) job = g_list_model_get_item (cs_study_jobs (self->study), i);
      active += cs_job_is_active (job);
    }
  text = g_strdup_printf (g_dngettext (NULL, "Jobs: %u running or waiting", "Jobs: %u running or waiting", active), active);
  gtk_label_set_text (self->jobs_label, active > 0 ? text : _("Jobs"));
  gtk_widget_set_visible (self->jobs_box, n > 0);
  gtk_widget_set_visible (self->clear_jobs, n > active);
}

static void
watch_new_jobs_cb (GListModel *jobs, guint position, guint removed, guint added, CsWindow *self)
{
  for (guint i = 0; i < added; i++)
    {
      g_autoptr (CsJob) job = g_list_model_get_item (jobs, position + i);
      g_signal_connect_object (job, "changed", G_CALLBACK (jobs_changed_cb), self, G_CONNECT_SWAPPED);
    }
  jobs_changed_cb (self);
}

static void
clear_jobs_clicked_cb (CsWindow *self)
{
  if (self->study != NULL)
    cs_study_clear_ended_jobs (self->study);
}

/* --- Study --- */

static void
study_changed_cb (CsWindow *self)
{
  const char *title = cs_study_title (self->study);
  g_autofree char *window_title = g_strdup_printf (_("%s – Crosscope"), title);

  adw_window_title_set_title (self->study_title, title);
  gtk_window_set_title (GTK_WINDOW (self), window_title);
}

static void
connect_study (CsWindow *self)
{
  GListModel *jobs = cs_study_jobs (self->study);

  g_signal_connect_object (self->study, "changed", G_CALLBACK (study_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (jobs, "items-changed", G_CALLBACK (watch_new_jobs_cb), self, 0);
  gtk_list_box_bind_model (self->job_list, jobs, create_job_row, NULL, NULL);
  watch_new_jobs_cb (jobs, 0, 0, g_list_model_get_n_items (jobs), self);
  study_changed_cb (self);
}

CsStudy *
cs_window_study (CsWindow *window)
{
  return window->study;
}

void
cs_window_set_study (CsWindow *window, CsStudy *study)
{
  if (window->study != NULL)
    {
      cs_study_stop_jobs (window->study);
      g_signal_handlers_disconnect_by_data (window->study, window);
      g_signal_handlers_disconnect_by_data (cs_study_jobs (window->study), window);
      gtk_list_box_bind_model (window->job_list, NULL, NULL, NULL, NULL);
    }
  g_set_object (&window->study, study);
  for_each_page (window, set_page_study, study);
  cs_imported_card_set_study (window->imported, study);
  gtk_stack_set_visible_child_name (window->root_stack, study != NULL ? "study" : "welcome");
  gtk_widget_action_set_enabled (GTK_WIDGET (window), "win.close-study", study != NULL);
  if (study != NULL)
    {
      connect_study (window);
      cs_window_show_page (window, "pair");
    }
  else
    {
      gtk_window_set_title (GTK_WINDOW (window), _("Crosscope"));
      cs_welcome_page_refresh (window->welcome);
    }
}

/* --- Actions --- */

static void
show_page_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  cs_window_show_page (CS_WINDOW (widget), g_variant_get_string (parameter, NULL));
}

static void
show_latent_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  CsWindow *self = CS_WINDOW (widget);
  const char *run;
  guint latent;

  g_variant_get (parameter, "(&su)", &run, &latent);
  cs_window_show_page (self, "latents");
  cs_latents_page_show (CS_LATENTS_PAGE (cs_window_page (self, "latents")), run, latent);
}

static void
steer_latent_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  CsWindow *self = CS_WINDOW (widget);
  const char *run;
  guint latent;

  g_variant_get (parameter, "(&su)", &run, &latent);
  cs_window_show_page (self, "steering");
  cs_steering_page_add (CS_STEERING_PAGE (cs_window_page (self, "steering")), run, latent);
}

typedef struct {
  CsWindow *window;
  CsWindowFunc then;
  void *data;
  GDestroyNotify free_data;
} Pending;

static void
pending_free (Pending *pending)
{
  if (pending->free_data != NULL)
    pending->free_data (pending->data);
  g_object_unref (pending->window);
  g_free (pending);
}

static gboolean
stop_and_go_on (void *data)
{
  Pending *pending = data;

  if (pending->window->study != NULL)
    cs_study_stop_jobs (pending->window->study);
  pending->then (pending->window, pending->data);
  return G_SOURCE_REMOVE;
}

/* The rest waits until the dialog is gone: it must not outlive the window that it belongs to. */
static void
stop_confirmed_cb (GtkWidget *widget, bool confirmed, void *data)
{
  CS_WINDOW (widget)->asking = false;
  if (confirmed)
    g_idle_add_full (G_PRIORITY_DEFAULT, stop_and_go_on, data, (GDestroyNotify) pending_free);
  else
    pending_free (data);
}

void
cs_window_stop_jobs_then (CsWindow *window, CsWindowFunc then, void *data, GDestroyNotify free_data)
{
  Pending *pending = g_new (Pending, 1);

  *pending = (Pending) { g_object_ref (window), then, data, free_data };
  if (window->study != NULL && cs_study_has_active_jobs (window->study) && !window->asking)
    {
      window->asking = true;
      cs_compat_confirm (GTK_WIDGET (window), _("Stop the Running Jobs?"),
                         _("Everything done so far is kept, and the jobs can go on from there later."),
                         _("_Stop and Close"), false, stop_confirmed_cb, pending);
      return;
    }
  if (!window->asking)
    then (window, data);
  pending_free (pending);
}

static void
close_study (CsWindow *self, void *data)
{
  cs_window_set_study (self, NULL);
}

static void
close_window (CsWindow *self, void *data)
{
  gtk_window_close (GTK_WINDOW (self));
}

static void
close_study_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  cs_window_stop_jobs_then (CS_WINDOW (widget), close_study, NULL, NULL);
}

static void
toggle_sidebar_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  CsWindow *self = CS_WINDOW (widget);

  adw_flap_set_reveal_flap (self->flap, !adw_flap_get_reveal_flap (self->flap));
}

static gboolean
cs_window_close_request (GtkWindow *window)
{
  CsWindow *self = CS_WINDOW (window);

  if (self->study != NULL && cs_study_has_active_jobs (self->study))
    {
      cs_window_stop_jobs_then (self, close_window, NULL, NULL);
      return GDK_EVENT_STOP;
    }
  if (self->study != NULL)
    cs_window_set_study (self, NULL);
  return GTK_WINDOW_CLASS (cs_window_parent_class)->close_request (window);
}

static void
cs_window_dispose (GObject *object)
{
  CsWindow *self = CS_WINDOW (object);

  if (self->study != NULL)
    {
      cs_study_stop_jobs (self->study);
      for_each_page (self, set_page_study, NULL);
      cs_imported_card_set_study (self->imported, NULL);
    }
  g_clear_object (&self->study);
  G_OBJECT_CLASS (cs_window_parent_class)->dispose (object);
}

static void
install_actions (GtkWidgetClass *klass)
{
  gtk_widget_class_install_action (klass, "win.show-page", "s", show_page_action);
  gtk_widget_class_install_action (klass, "win.show-latent", "(su)", show_latent_action);
  gtk_widget_class_install_action (klass, "win.steer-latent", "(su)", steer_latent_action);
  gtk_widget_class_install_action (klass, "win.close-study", NULL, close_study_action);
  gtk_widget_class_install_action (klass, "win.toggle-sidebar", NULL, toggle_sidebar_action);
  gtk_widget_class_add_binding_action (klass, GDK_KEY_F9, 0, "win.toggle-sidebar", NULL);
}

static void
cs_window_class_init (CsWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = cs_window_close_request;
  g_type_ensure (CS_TYPE_WELCOME_PAGE);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/crosscope/Crosscope/ui/window.ui");
  gtk_widget_class_bind_template_child (widget_class, CsWindow, toasts);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, root_stack);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, welcome);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, flap);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, study_title);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, page_list);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, jobs_box);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, jobs_label);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, clear_jobs);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, job_list);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, page_title);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, page_header);
  gtk_widget_class_bind_template_child (widget_class, CsWindow, pages);
  gtk_widget_class_bind_template_callback (widget_class, page_row_selected_cb);
  gtk_widget_class_bind_template_callback (widget_class, page_row_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, clear_jobs_clicked_cb);
  install_actions (widget_class);
}

static void
cs_window_init (CsWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  add_pages (self);
  self->imported = cs_intake_add (self);
  cs_window_set_study (self, NULL);
}

CsWindow *
cs_window_new (AdwApplication *application)
{
  return g_object_new (CS_TYPE_WINDOW, "application", application, NULL);
}
