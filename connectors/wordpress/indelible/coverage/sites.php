<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Hooks;
use Indelible\Ledger;
use Indelible\Watcher;

/** Blogs of a network. */
final class Sites extends Watcher {
	public function hook(): void {
		if ( ! is_multisite() ) {
			return;
		}
		Hooks::add( 'wp_insert_site', fn ( $site ) => $this->begin( (int) $site->id ) );
		Hooks::add( 'wp_initialize_site', fn ( $site ) => Ledger::pass_over( (int) $site->id, false ), PHP_INT_MAX );
		Hooks::add( 'wp_update_site', fn ( $new, $old ) => $this->touch( (int) $new->id, self::told( $old->to_array() ) ) );
		Hooks::add( 'wp_uninitialize_site', fn ( $site ) => $this->end( (int) $site->id ) );
	}

	private function begin( int $blog ): void {
		$this->created( $blog );
		Ledger::pass_over( $blog );
	}

	private function end( int $blog ): void {
		$this->touch( $blog );
		Ledger::pass_over( $blog );
	}

	public function is_of_network(): bool {
		return true;
	}

	public function state( string $id ): ?array {
		global $wpdb;
		$row = $wpdb->get_row( $wpdb->prepare( "SELECT * FROM $wpdb->blogs WHERE blog_id = %d", (int) $id ), ARRAY_A );
		return null === $row ? null : self::told( $row );
	}

	private static function told( array $row ): array {
		$flags = array();
		foreach ( array( 'public', 'archived', 'mature', 'spam', 'deleted' ) as $flag ) {
			$flags[ $flag ] = (bool) (int) $row[ $flag ];
		}
		return array( 'domain' => $row['domain'], 'path' => $row['path'] ) + $flags;
	}

	public function changes( string $id, ?array $before, ?array $after ): array {
		$now  = $after ?? $before;
		$verb = self::verb( $before, $after, ( $after['archived'] ?? false ) && ! ( $before['archived'] ?? false ) ? 'archive_blog' : 'updated' );
		return array( new Change( "blogs.$verb", 'site', $id, $now['domain'] . $now['path'], $before, $after, blog: 0 ) );
	}
}
