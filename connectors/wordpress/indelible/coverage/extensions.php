<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Hooks;
use Indelible\Value;
use Indelible\Watcher;

/**
 * Plugins and themes: installed in which version, and active where. All of them are looked at before and after, so
 * that a plugin that another one switches on silently is told too.
 */
final class Extensions extends Watcher {
	public function hook(): void {
		$touch = fn () => $this->touch( '' );
		// Options and NetworkOptions say when plugins or the theme are switched.
		Hooks::peek( 'upgrader_package_options', $touch );
		Hooks::peek( 'upgrader_pre_download', $touch );
		Hooks::add( 'delete_plugin', $touch );
		Hooks::add( 'delete_theme', $touch );
	}

	public function state( string $id ): ?array {
		require_once ABSPATH . 'wp-admin/includes/plugin.php';
		wp_cache_delete( 'plugins', 'plugins' );
		wp_clean_themes_cache( false );
		return array( 'plugin' => self::plugins(), 'theme' => self::themes() );
	}

	private static function plugins(): array {
		global $wpdb;
		$active = (array) Value::stored( $wpdb->get_var( "SELECT option_value FROM $wpdb->options WHERE option_name = 'active_plugins'" ) );
		$wide   = array();
		if ( is_multisite() ) {
			$sql  = "SELECT meta_value FROM $wpdb->sitemeta WHERE meta_key = 'active_sitewide_plugins' AND site_id = %d";
			$wide = (array) Value::stored( $wpdb->get_var( $wpdb->prepare( $sql, get_current_network_id() ) ) );
		}
		$plugins = array();
		foreach ( get_plugins() as $file => $data ) {
			$plugins[ $file ] = array( 'name' => $data['Name'], 'version' => $data['Version'], 'active' => in_array( $file, $active, true ) )
				+ ( is_multisite() ? array( 'network_active' => isset( $wide[ $file ] ) ) : array() );
		}
		return $plugins;
	}

	private static function themes(): array {
		global $wpdb;
		$active = $wpdb->get_var( "SELECT option_value FROM $wpdb->options WHERE option_name = 'stylesheet'" );
		$themes = array();
		foreach ( wp_get_themes( array( 'errors' => null ) ) as $stylesheet => $theme ) {
			$themes[ $stylesheet ] = array( 'name' => (string) $theme->get( 'Name' ), 'version' => (string) $theme->get( 'Version' ), 'active' => (string) $stylesheet === $active );
		}
		return $themes;
	}

	public function changes( string $id, ?array $before, ?array $after ): array {
		$changes = array();
		foreach ( array( 'plugin', 'theme' ) as $type ) {
			$old = $before[ $type ] ?? array();
			$new = $after[ $type ] ?? array();
			foreach ( array_keys( $old + $new ) as $name ) {
				$was = $old[ $name ] ?? null;
				$is  = $new[ $name ] ?? null;
				if ( ! Value::same( $was, $is ) ) {
					$changes[] = self::change( $type, (string) $name, $was, $is );
				}
			}
		}
		return $changes;
	}

	private static function change( string $type, string $name, ?array $was, ?array $is ): Change {
		$here = ( $was['active'] ?? false ) !== ( $is['active'] ?? false );
		$on   = ( $is['active'] ?? false ) || ( $is['network_active'] ?? false );
		$verb = match ( true ) {
			null === $was => 'installed',
			null === $is => 'deleted',
			$was['version'] !== $is['version'] => 'updated',
			default => $on && ( ! $was['active'] || ! ( $was['network_active'] ?? true ) ) ? 'activated' : 'deactivated',
		};
		// Files and the network's switch belong to the network, a blog's switch to the blog.
		$blog = is_multisite() && ( null === $was || null === $is || ! $here ) ? 0 : null;
		return new Change( "installer.$verb", $type, $name, ( $is ?? $was )['name'], $was, $is, blog: $blog );
	}
}
