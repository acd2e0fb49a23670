#include "errors.h"

static void
test_error_domain (void)
{
  g_autoptr (GError) error = g_error_new_literal (CS_ERROR, CS_ERROR_FORMAT, "the file is truncated");
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_assert_cmpstr (g_quark_to_string (error->domain), ==, "cs-error-quark");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/error-domain", test_error_domain);
  return g_test_run ();
}
