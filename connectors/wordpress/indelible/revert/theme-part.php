<?php
declare( strict_types=1 );

namespace Indelible\Revert;

use Indelible\Coverage\Options;
use Indelible\Coverage\ThemeMods;
use Indelible\Watcher;

/** The custom background or the custom header of a theme. */
final class ThemePart extends Subject {
	protected function watcher(): Watcher {
		return self::watched_by( Options::class );
	}

	public function touch( bool $is_new ): void {
		$this->watcher()->touch( "theme_mods_{$this->order->id}" );
	}

	public function state(): ?array {
		$mods = (array) ( $this->watcher()->state( "theme_mods_{$this->order->id}" )['value'] ?? array() );
		return ThemeMods::part( $mods, $this->order->type );
	}

	public function change( array $before, array $wanted ): void {
		foreach ( array_keys( $wanted ) as $key ) {
			if ( ! str_starts_with( (string) $key, ThemeMods::PARTS[ $this->order->type ] ) ) {
				throw new Impossible( "/$key is no part of it" );
			}
		}
		ThemeMod::write( $this->order->id, $wanted, array_keys( $before ) );
	}

	public function make( array $wanted ): void {
		$this->change( array(), $wanted );
	}
}
