<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Coverage;
use Indelible\Hooks;
use Indelible\Value;
use Indelible\Watcher;

/** Settings of a network. WordPress tells of them after they are written, with the value before. */
final class NetworkOptions extends Watcher {
	private const NOT_TOLD = array( 'user_count', 'blog_count', 'can_compress_scripts', 'recently_activated', 'site_admins' );

	public function hook(): void {
		if ( ! is_multisite() ) {
			return; // They are options there.
		}
		Hooks::add( 'update_site_option', fn ( $name, $value, $old ) => $this->route( (string) $name, array( 'value' => Value::plain( $old ) ) ) );
		Hooks::add( 'add_site_option', fn ( $name ) => $this->route( (string) $name, null ) );
		// What was there is not known any more by then.
		Hooks::add( 'delete_site_option', fn ( $name ) => $this->route( (string) $name, array() ) );
		Hooks::peek( 'pre_update_site_option_active_sitewide_plugins', fn () => Coverage::watcher( Extensions::class )->touch( '' ) );
	}

	private function route( string $name, ?array $before ): void {
		if ( 'active_sitewide_plugins' !== $name && Options::is_told( $name ) && ! in_array( $name, self::NOT_TOLD, true ) ) {
			$this->touch( $name, $before );
		}
	}

	public function is_of_network(): bool {
		return true;
	}

	public function state( string $id ): ?array {
		global $wpdb;
		$sql = "SELECT meta_value FROM $wpdb->sitemeta WHERE meta_key = %s AND site_id = %d";
		$row = $wpdb->get_row( $wpdb->prepare( $sql, $id, get_current_network_id() ) );
		return null === $row ? null : array( 'value' => Value::stored( $row->meta_value ) );
	}

	public function changes( string $id, ?array $before, ?array $after ): array {
		if ( array() === $before && null === $after ) {
			$why = array( 'before' => 'not known: WordPress tells of the deletion when it is done' );
			return array( new Change( 'settings.deleted', 'network_option', $id, $id, blog: 0, data: $why ) );
		}
		return array( Options::change( 'network_option', $id, $before, $after, 0 ) );
	}
}
